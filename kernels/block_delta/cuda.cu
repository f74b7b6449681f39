// A thread sums a block of a row; then a thread has a channel of a row. Sums over rows are column sums.
#include "kernels/block_delta/block_delta.hpp"

#include "kernels/device/operations.hpp"
#include "kernels/device/pointwise.hpp"
#include "kernels/device/reduce.hpp"

namespace phasegrid::kernels::cuda {

// z[m][row][block] = the sum over the block's channels of w u, or of the gradients before the activation.
template <bool back>
__global__ void block_delta_sums(BlockDelta<float> op, float* z, std::int64_t most) {
  const int m = blockIdx.y, p = op.u.columns / op.blocks;
  for (std::int64_t i = first(); i < static_cast<std::int64_t>(count(op.u, m)) * op.blocks; i += step()) {
    const std::int64_t row = i / op.blocks, begin = i % op.blocks * p, place = row * op.u.width + begin;
    float sum = 0;
    for (int c = 0; c < p; ++c)
      sum += back ? grad(op.delta, m)[place + c] : value(op.w, m)[begin + c] * value(op.u, m)[place + c];
    z[m * most * op.blocks + i] = sum;
  }
}

__global__ void block_delta_forward(BlockDelta<float> op, const float* z, std::int64_t most) {
  const int m = blockIdx.y, D = op.u.columns, p = D / op.blocks;
  const std::int64_t width = op.u.width;
  for (std::int64_t i = first(); i < count(op.u, m) * width; i += step()) {
    const int c = static_cast<int>(i % width);
    const float sum = c < D ? z[(m * most + i / width) * op.blocks + c / p] : 0;
    const Pointwise<float> a = activate(op.activation, sum + value(op.b, m)[c]);  // (1)
    value(op.delta, m)[i] = a.value;
    if (op.derivative.values) value(op.derivative, m)[i] = a.derivative;
  }
}

__global__ void block_delta_through_activation(BlockDelta<float> op) {
  const int m = blockIdx.y;
  for (std::int64_t i = first(); i < static_cast<std::int64_t>(count(op.u, m)) * op.u.width; i += step())
    grad(op.delta, m)[i] *= value(op.derivative, m)[i];
}
__global__ void block_delta_input_backward(BlockDelta<float> op, const float* z, std::int64_t most) {
  const int m = blockIdx.y, D = op.u.columns, p = D / op.blocks;
  for (std::int64_t i = first(); i < static_cast<std::int64_t>(count(op.u, m)) * D; i += step()) {
    const std::int64_t row = i / D, c = i % D;
    put(grad(op.u, m)[row * op.u.width + c], z[(m * most + row) * op.blocks + c / p] * value(op.w, m)[c], op.u.add);
  }
}
__global__ void block_delta_weight_backward(BlockDelta<float> op, const float* z, std::int64_t most,
                                            ColumnSums meet) {
  const int m = blockIdx.y, p = op.u.columns / op.blocks;
  column_sums<2>(
      count(op.u, m), op.u.columns, meet,
      [&](int r, int c, float(&sum)[2]) {
        const std::int64_t i = static_cast<std::int64_t>(r) * op.u.width + c;
        sum[0] += z[(m * most + r) * op.blocks + c / p] * value(op.u, m)[i], sum[1] += grad(op.delta, m)[i];
      },
      [&](int c, float(&sum)[2]) { grad(op.w, m)[c] += sum[0], grad(op.b, m)[c] += sum[1]; });
}

namespace {
float* sums(const BlockDelta<float>& op) {
  return static_cast<float*>(
      queue().workspace(static_cast<std::size_t>(op.models * capacity(op.u) * op.blocks) * sizeof(float)));
}
}  // namespace

void forward(const BlockDelta<float>& op) {
  float* z = sums(op);
  const std::int64_t most = capacity(op.u);
  launch<block_delta_sums<false>>(blocks_for(most * op.blocks, op.models), kThreads, op, z, most);
  launch<block_delta_forward>(blocks_for(op.u.stride, op.models), kThreads, op, static_cast<const float*>(z), most);
}

void backward(const BlockDelta<float>& op) {
  float* z = sums(op);
  const float* read = z;
  const std::int64_t most = capacity(op.u);
  launch<block_delta_through_activation>(blocks_for(op.u.stride, op.models), kThreads, op);
  launch<block_delta_sums<true>>(blocks_for(most * op.blocks, op.models), kThreads, op, z, most);
  launch<block_delta_input_backward>(blocks_for(most * op.u.columns, op.models), kThreads, op, read, most);
  launch_column_sums<block_delta_weight_backward>(2, op.u.width, op.models, most, op, read, most);
}

}  // namespace phasegrid::kernels::cuda
