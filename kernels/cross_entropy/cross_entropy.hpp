// Mean cross-entropy over the scored positions of each model's batch, and how many of them are right:
//
//   loss = 1/Q sum_q ( log sum_v e^{l_qv} - l_{q, label_q} )      d_l = (softmax(l) - onehot(label)) / Q
//
//   logits (Q, vocab)   label (Q)   loss, right (models)
//
// The gradient is formed on the way forward, where the exponentials are. A position is right if no logit exceeds that of its
// label and none before it equals it; a position with a logit that is no number is wrong.
#pragma once
#include "kernels/rows.hpp"

namespace phasegrid::kernels {

template <class Real>
struct CrossEntropy {
  int models;
  Rows<Real> logits;
  Index label;
  double* loss;          // sums, not yet divided by Q when evaluating in pieces: see `mean`
  std::int64_t* right;
  bool mean = true;      // training: gradients and loss divided by Q

  template <class F> void each_input(F&& f) { f(logits); }
};

}  // namespace phasegrid::kernels
