// The gate of the Mamba block:  o[q] = y[q] act(z[row[q]])
//
//   y, o (outputs, D)   z (gate rows, D)   row (outputs) -> row of z
#pragma once
#include "kernels/activation.hpp"
#include "kernels/rows.hpp"

namespace phasegrid::kernels {

template <class Real>
struct Gate {
  int models;
  Rows<Real> y, z;
  Index row;
  Activation activation = Activation::silu;
  Rows<Real> o;

  template <class F> void each_input(F&& f) { f(y), f(z); }
};

}  // namespace phasegrid::kernels
