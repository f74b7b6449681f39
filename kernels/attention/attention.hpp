// Causal softmax attention, read out at given positions:
//
//   p_qt = e^{s_qt} / sum_{t' <= q} e^{s_qt'}      s_qt = q_q . k_t / sqrt(P)      y_q = sum_{t <= q} p_qt v_t      (1)
//   d_s = p (d_p - sum_t p d_p),  d_p_qt = d_y_q . v_t
//
//   q, y (outputs, D)   k, v (windows, D)   in H heads of P = D / H channels each
//
// The walk is that of kernels/scan/scan.hpp; a step that stands for m equal positions has m e^s in the place of e^s.
#pragma once
#include "kernels/rows.hpp"
#include "kernels/scan/scan.hpp"

namespace phasegrid::kernels {

template <class Real>
struct Attention {
  int models, heads = 1;
  Rows<Real> q, k, v;
  const Walk* walks;                       // [models]
  Rows<Real> y;
  int most_steps = 0, most_outputs = 0;    // of one sequence
  Real* scratch = nullptr;                 // attention_scratch() numbers

  template <class F> void each_input(F&& f) { f(q), f(k), f(v); }
};

// Of one head and one sequence: p and dp; k, v and their gradients, q, y and theirs; one transposed table.
inline std::int64_t attention_scratch(int head_width, int most_steps, int most_outputs) {
  const std::int64_t P = padded(head_width), S = padded(most_steps), Q = most_outputs;
  return 2 * Q * S + 4 * S * P + 4 * Q * P + P * S;
}

}  // namespace phasegrid::kernels
