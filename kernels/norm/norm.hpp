// Normalisation of rows over their `columns` (docs/theory.md, 1.4), epsilon = 1e-5:
//
//   rms:    y = x r w               r = (mean x^2 + epsilon)^{-1/2}
//   layer:  y = (x - mean) r w + b  r = (var x + epsilon)^{-1/2}
//
// With `groups` > 1 (rms only) each of so many equal parts of a row has an r of its own.
//
//   x, y (rows, d)   w, b (d)   r, mean (rows)
#pragma once
#include "kernels/rows.hpp"

namespace phasegrid::kernels {

template <class Real>
struct Norm {
  int models;
  Rows<Real> x;
  Parameter<Real> w, b;
  bool layer = false;    // with mean and b; otherwise rms
  int groups = 1;
  Rows<Real> y;

  template <class F> void each_input(F&& f) { f(x); }
};

}  // namespace phasegrid::kernels
