// The state-space dual of Mamba-2 (arXiv 2405.21060; docs/theory.md, 1.2): one decay per head, read out at given
// positions.
//
//   a_t = exp(delta_t A)      A = -exp(A_log)      head e uses B and C of group e groups / heads
//   h_t = a_t h_{t-1} + delta_t x_t B_t^T            h_0 = 0                                              (1)
//   y_t = h_t C_t + skip x_t                                                                              (2)
//
//   x (windows, heads P)   B (windows, groups N)   C (outputs, groups N)   delta (input rows, heads)
//   y (outputs, heads P)   A_log, skip (1, heads)   h (heads, P, N)
//
// delta comes from the block's input, so a step looks it up through window_input. Walks as in kernels/scan/scan.hpp: m
// equal steps in a row are one, with decay a^m and weight delta (1 + a + .. + a^{m-1}).
//
// Two algorithms that agree up to rounding. chunk = 0: the recurrence as written. chunk > 0: the sequence is cut into
// chunks of so many steps (a multiple of kPad, or no fewer than there are); inside a chunk the state is never formed,
//
//   y_q = sum_{j <= q} (C_q . B_j) L_qj w_j x_j        L_qj = a_{j+1} .. a_q                             (3)
//
// as products of matrices, and states exist at the borders of chunks only: none at all when one chunk holds the whole
// sequence.
#pragma once
#include "kernels/rows.hpp"
#include "kernels/scan/scan.hpp"

namespace phasegrid::kernels {

template <class Real>
struct Ssd {
  int models;
  int heads = 1, groups = 1, chunk = 0;
  Rows<Real> u, delta, B, C;
  Parameter<Real> A_log, skip;
  const Walk* walks;   // [models]
  Index window_input;  // (windows) -> row of delta
  Rows<Real> y;
  int most_steps = 0, most_outputs = 0;  // of one sequence
  Real* scratch = nullptr;               // ssd_scratch() numbers

  template <class F>
  void each_input(F&& f) {
    f(u), f(delta), f(B), f(C);
  }
};

// The chunk for sequences of T positions of which `read` are outputs, with D = heads P channels. Without states, (3)
// costs read T (N + D) operations a sequence; with them, read chunk (N + D) and (T + read) N D for the states.
int ssd_chunk(int T, int read, int D, int N);

// Numbers of scratch, all fields but `scratch` being set.
template <class Real>
std::int64_t ssd_scratch(const Ssd<Real>& op);

}  // namespace phasegrid::kernels
