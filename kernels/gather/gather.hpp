// Rows picked by an index, optionally added to a table that has them already (the residual connection):
//
//   y[r] = (base[r] +) x[index[r]]
//
//   x (rows, d)   base, y (picked, d)
#pragma once
#include "kernels/rows.hpp"

namespace phasegrid::kernels {

template <class Real>
struct Gather {
  int models;
  Rows<Real> x;
  Index index;       // (picked) -> row of x
  Rows<Real> base;   // absent: values == nullptr
  Rows<Real> y;

  template <class F> void each_input(F&& f) {
    f(x);
    if (base.values) f(base);
  }
};

}  // namespace phasegrid::kernels
