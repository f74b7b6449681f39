// The scan of B2S6, read out at given positions (docs/theory.md, 1.2; arXiv 2505.09022, 6). Channel c of block j:
//
//   a_t = exp(delta_t A)        b_t = B^j_t + bias[c]                                                              (1)
//   h_t = a_t h_{t-1} + f_t b_t u_t          h_0 = 0                                                              (2)
//   y_t = Re sum_n C^j_t[n] h_t[n] + skip u_t                                                                     (3)
//
//   u, delta (windows, D)   B (windows, blocks of N), C (outputs, ...): as kernels/block_linear lays them out
//   A = -e^{A_log} + i A_imag (1, N), the same for all channels   bias (N, D), absent if there is none   skip (1, D)   y (outputs, D)
//
// Real states have no imaginary parts. f and the walk are those of kernels/scan/scan.hpp.
#pragma once
#include "kernels/rows.hpp"
#include "kernels/scan/scan.hpp"

namespace phasegrid::kernels {

template <class Real>
struct BlockScan {
  int models, blocks = 1;
  Discretisation discretisation = Discretisation::zoh;
  Rows<Real> u, delta, B, C;
  Parameter<Real> A_log, A_imag, bias, bias_imag, skip;
  const Walk* walks;             // [models]
  Index output_row;              // (outputs) -> window row
  Rows<Real> y;
  int most_steps = 0;            // of one sequence; 0: no more than there are rows
  Real* scratch = nullptr;       // block_scan_scratch() numbers

  bool is_complex() const { return static_cast<bool>(A_imag); }
  template <class F> void each_input(F&& f) { f(u), f(delta), f(B), f(C); }
};

// a and h of one sequence, for one tile of channels and states.
inline std::int64_t block_scan_scratch(int most_steps) { return (2 * most_steps + 1) * std::int64_t{16} * 8; }

}  // namespace phasegrid::kernels
