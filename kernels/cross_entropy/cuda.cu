#include "kernels/cross_entropy/cross_entropy.hpp"

#include "kernels/device/operations.hpp"
#include "kernels/device/reduce.hpp"

// A warp takes a position; one block a model joins the losses of its positions, in double and in a fixed order.
namespace phasegrid::kernels::cuda {

struct Answer {
  double loss;
  int right;
};

// A logit that is no number compares false with everything: the position is wrong.
__device__ bool is_right(const float* logits, int vocab, int label) {
  const float own = logits[label];
  bool right = own == own;
  for (int v = lane(); v < vocab; v += 32) right = right && (v < label ? logits[v] < own : logits[v] <= own);
  return warp_sum(right ? 0 : 1) == 0;
}

__global__ void cross_entropy_positions(CrossEntropy<float> op, Answer* answers, std::int64_t most) {
  const int m = blockIdx.y, warps = blockDim.x / 32, Q = count(op.logits, m), vocab = op.logits.columns;
  const float scale = op.mean && Q > 0 ? 1.0f / static_cast<float>(Q) : 1.0f;
  for (std::int64_t q = static_cast<std::int64_t>(blockIdx.x) * warps + threadIdx.x / 32; q < Q;
       q += static_cast<std::int64_t>(gridDim.x) * warps) {
    const float* logits = value(op.logits, m) + q * op.logits.width;
    const int label = op.label.data[m][q];
    float top = -INFINITY, total = 0;
    for (int v = lane(); v < vocab; v += 32) top = fmaxf(top, logits[v]);
    top = warp_max(top);
    for (int v = lane(); v < vocab; v += 32) total += expf(logits[v] - top);
    total = warp_sum(total);
    const bool right = is_right(logits, vocab, label);
    if (lane() == 0) answers[m * most + q] = {log(static_cast<double>(total)) + top - logits[label], right};
    if (!op.logits.grads) continue;
    float* d = grad(op.logits, m) + q * op.logits.width;
    for (int v = lane(); v < op.logits.width; v += 32)
      d[v] = v < vocab ? scale / total * expf(logits[v] - top) - (v == label ? scale : 0) : 0;
  }
}

__global__ void cross_entropy_join(CrossEntropy<float> op, const Answer* answers, std::int64_t most) {
  __shared__ double losses[kThreads];
  __shared__ int rights[kThreads];
  const int m = blockIdx.y, t = threadIdx.x, Q = count(op.logits, m);
  double loss = 0;
  int right = 0;
  for (int q = t; q < Q; q += kThreads) loss += answers[m * most + q].loss, right += answers[m * most + q].right;
  losses[t] = loss, rights[t] = right;
  __syncthreads();
  if (t > 0) return;
  for (int i = 1; i < kThreads; ++i) loss += losses[i], right += rights[i];
  op.loss[m] = op.mean && Q > 0 ? loss / static_cast<double>(Q) : loss;
  op.right[m] = right;
}

void forward(const CrossEntropy<float>& op) {
  const std::int64_t most = capacity(op.logits);
  Answer* answers =
      static_cast<Answer*>(queue().workspace(static_cast<std::size_t>(op.models * most) * sizeof(Answer)));
  launch<cross_entropy_positions>(blocks_for(most * 32, op.models), kThreads, op, answers, most);
  launch<cross_entropy_join>(dim3(1, op.models), kThreads, op, static_cast<const Answer*>(answers), most);
}

void backward(const CrossEntropy<float>&) {}  // done on the way forward

}  // namespace phasegrid::kernels::cuda
