// The impulse response of S4D (kernels/s4d/s4d.hpp), for kernels/long_conv:
//
//   K_j = kappa Re sum_n C[n] b[n] a[n]^j         j = 0 .. T - 1                                                 (1)
//
//   K (T, D)
#pragma once
#include "kernels/s4d/s4d.hpp"

namespace phasegrid::kernels {

template <class Real>
struct S4dKernel {
  int models;
  S4dParameters<Real> parameters;
  Rows<Real> K;

  template <class F> void each_input(F&&) {}
};

}  // namespace phasegrid::kernels
