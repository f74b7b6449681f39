#include "kernels/cross_entropy/cross_entropy.hpp"

#include <cmath>

#include "kernels/operation.hpp"
#include "kernels/parallel.hpp"
#include "kernels/vec.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

template <class Real>
bool is_right(const Real* logits, int vocab, int label) {
  const Real own = logits[label];
  bool right = own == own;
  for (int v = 0; v < vocab; ++v) right &= v < label ? logits[v] < own : logits[v] <= own;
  return right;
}

// Returns the loss of one position; writes scale * (softmax - onehot) if d is not null.
template <class Real>
double one_position(Real* logits, int vocab, int width, int label, Real scale, Real* d) {
  for (int v = vocab; v < width; ++v) logits[v] = -1e30f;  // padding: no probability
  Vec<Real> most = at(logits);
  for (int v = kLanes; v < width; v += kLanes) most = at(logits + v) > most ? at(logits + v) : most;
  const Real top = max_lanes<Real>(most);
  Vec<Real> sum{};
  for (int v = 0; v < width; v += kLanes) {
    const Vec<Real> e = exp_lanes(Vec<Real>(at(logits + v) - top));
    sum += e;
    if (d) at(d + v) = e;
  }
  const Real total = sum_lanes<Real>(sum);
  if (d) {
    for (int v = 0; v < width; v += kLanes) at(d + v) *= scale / total;
    for (int v = vocab; v < width; ++v) d[v] = 0;
    d[label] -= scale;
  }
  const double loss = std::log(static_cast<double>(total)) + top - logits[label];
  for (int v = vocab; v < width; ++v) logits[v] = 0;
  return loss;
}

struct Answer {
  double loss;
  bool right;
};
constexpr std::int64_t kPositions = 64;  // that a thread answers at a time

template <class Real>
void forward(const CrossEntropy<Real>& op) {
  for (int m = 0; m < op.models; ++m) {
    const std::int64_t Q = op.logits.count[m], width = op.logits.width;
    const Real scale = op.mean && Q > 0 ? Real(1) / static_cast<Real>(Q) : Real(1);
    double loss = 0;
    std::int64_t right = 0;
    Answer answers[kPositions];
    parallel_in_turn(
        static_cast<int>((Q + kPositions - 1) / kPositions), answers, kPositions,
        [&](int chunk, Answer* answer) {
          for (std::int64_t q = chunk * kPositions; q < Q && q < (chunk + 1) * kPositions; ++q, ++answer) {
            Real* logits = op.logits.value(m) + q * width;
            const int label = op.label[m][q];
            answer->right = is_right(logits, op.logits.columns, label);
            answer->loss = one_position(logits, op.logits.columns, op.logits.width, label, scale, op.logits.grads ? op.logits.grad(m) + q * width : nullptr);
          }
        },
        [&](int chunk, const Answer* answer) {
          for (std::int64_t q = chunk * kPositions; q < Q && q < (chunk + 1) * kPositions; ++q, ++answer) loss += answer->loss, right += answer->right;
        });
    op.loss[m] = op.mean && Q > 0 ? loss / static_cast<double>(Q) : loss;
    op.right[m] = right;
  }
}

template <class Real>
void backward(const CrossEntropy<Real>&) {}  // done on the way forward

PHASEGRID_OPERATION(CrossEntropy)

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
