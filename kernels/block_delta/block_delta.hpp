// Step sizes of B2S6 (docs/theory.md, 1.2): one projection per block of p = D / h channels, one bias per channel.
//
//   delta[r][c] = act(sum over i in the block of c of w[i] u[r][i] + b[c])                                        (1)
//
//   u, delta (rows, D)   w, b (1, D)   h = blocks
#pragma once
#include "kernels/activation.hpp"
#include "kernels/rows.hpp"

namespace phasegrid::kernels {

template <class Real>
struct BlockDelta {
  int models, blocks = 1;
  Rows<Real> u;
  Parameter<Real> w, b;
  Activation activation = Activation::softplus;
  Rows<Real> delta;
  Rows<Real> derivative;     // act'; absent when evaluating

  template <class F> void each_input(F&& f) { f(u); }
};

}  // namespace phasegrid::kernels
