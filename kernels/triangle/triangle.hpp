// The weights of B and C made from one triangular matrix, after the public code of arXiv 2410.03292 (docs/theory.md, 4.3):
//
//   W_C[c][n] = 1 for c = n, U[c][n] for c > n, 0 for c < n          W_B = W_C diag(sign (softplus(log) + 0.7))
//
// so that all eigenvalues of W_C^T W_B that are not zero have the given sign: with +1 no token can shrink to nothing with depth
// (the convergent scenario is excluded), with -1 all must.
//
//   U, W_B, W_C (D, N), N <= D   log (1, N)
#pragma once
#include "kernels/rows.hpp"

namespace phasegrid::kernels {

template <class Real>
struct Triangle {
  int models;
  Parameter<Real> U, log;      // entries of U with c <= n are not read
  Parameter<Real> W_B, W_C;    // written, and their gradients cleared, on the way forward
  Real sign = 1;

  template <class F> void each_input(F&&) {}
};

}  // namespace phasegrid::kernels
