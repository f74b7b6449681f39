// Causal depthwise convolution over windows of K input rows, with its activation:
//
//   c[r] = sum_{j<K} w[j] x[window[r][j]] + b      u = act(c)
//
//   x (rows, D)   w (K, D), w[j] multiplies the input j positions back   b (D)   u, c (windows, D)
//
// window[r][j] = -1 is before the first position: zero. Windows that are equal share a row. Without w (no convolution) K = 1 and c = x.
#pragma once
#include "kernels/activation.hpp"
#include "kernels/rows.hpp"

namespace phasegrid::kernels {

template <class Real>
struct Conv {
  int models;
  int taps;                        // K >= 1
  Rows<Real> x;
  Parameter<Real> w, b;            // both or none
  Index window;                    // (windows, K) -> row of x
  Activation activation = Activation::silu;
  Rows<Real> u;
  Rows<Real> derivative;           // act'(c); absent for the identity or when evaluating

  template <class F> void each_input(F&& f) { f(x); }
};

}  // namespace phasegrid::kernels
