// A projection of its own for each block of p = D / h channels, real or complex, as B and C of B2S6 (docs/theory.md, 1.2):
//
//   y[r][n][j] = sum over i in block j of x[r][i] W[i][n]                                                         (1)
//
//   x (rows, D)   W (D, N)   y (rows, parts N padded(h)): blocks next to each other, then n, then real and imaginary part
#pragma once
#include "kernels/rows.hpp"

namespace phasegrid::kernels {

template <class Real>
struct BlockLinear {
  int models, blocks = 1;
  Rows<Real> x;
  Parameter<Real> W, W_imag;      // W_imag: absent if real
  Rows<Real> y;
  Real* scratch = nullptr;        // block_linear_scratch() numbers

  template <class F> void each_input(F&& f) { f(x); }
};

inline int block_columns(int N, int blocks, bool is_complex) { return (is_complex ? 2 : 1) * N * padded(blocks); }
// W and its gradient, four rows and theirs, all with blocks side by side; or W^T, and one row of one block.
inline std::int64_t block_linear_scratch(int D, int N, int blocks, bool is_complex) {
  const std::int64_t turned = static_cast<std::int64_t>(D / blocks) * padded(blocks) * ((is_complex ? 4 : 2) * N + 8);
  const std::int64_t plain = static_cast<std::int64_t>(padded(N)) * (padded(D) + 1);
  return turned > plain ? turned : plain;
}

}  // namespace phasegrid::kernels
