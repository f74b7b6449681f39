// The numbers of a real-valued sequence as rows that a layer can read:
//
//   y[r] = numbers[r]        numbers (rows, channels), as data come   y (rows, channels), padded; no gradient: data do not learn
#pragma once
#include "kernels/reals.hpp"
#include "kernels/rows.hpp"

namespace phasegrid::kernels {

template <class Real>
struct Input {
  int models;
  Reals numbers;
  Rows<Real> y;

  template <class F> void each_input(F&&) {}
};

}  // namespace phasegrid::kernels
