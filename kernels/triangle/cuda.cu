#include "kernels/triangle/triangle.hpp"

#include "kernels/device/operations.hpp"
#include "kernels/device/pointwise.hpp"
#include "kernels/device/reduce.hpp"

namespace phasegrid::kernels::cuda {

constexpr float kLeast = 0.7f;

__device__ float eigenvalue(const Triangle<float>& op, int m, int n) {
  return op.sign * (activate(Activation::softplus, value(op.log, m)[n]).value + kLeast);
}

__global__ void triangle_forward(Triangle<float> op) {
  const int m = blockIdx.y, width = op.U.width;
  for (std::int64_t i = first(); i < static_cast<std::int64_t>(op.U.rows) * width; i += step()) {
    const int c = static_cast<int>(i / width), n = static_cast<int>(i % width);
    if (op.W_B.grads) grad(op.W_B, m)[i] = 0, grad(op.W_C, m)[i] = 0;
    if (n >= op.U.columns) continue;
    const float entry = c > n ? value(op.U, m)[i] : c == n ? 1.0f : 0.0f;
    value(op.W_C, m)[i] = entry, value(op.W_B, m)[i] = entry * eigenvalue(op, m, n);
  }
}

__global__ void triangle_entries_backward(Triangle<float> op) {
  const int m = blockIdx.y, width = op.U.width;
  for (std::int64_t i = first(); i < static_cast<std::int64_t>(op.U.rows) * width; i += step()) {
    const int c = static_cast<int>(i / width), n = static_cast<int>(i % width);
    if (c > n && n < op.U.columns) grad(op.U, m)[i] += grad(op.W_C, m)[i] + grad(op.W_B, m)[i] * eigenvalue(op, m, n);
  }
}

__global__ void triangle_eigenvalues_backward(Triangle<float> op, ColumnSums meet) {
  const int m = blockIdx.y, width = op.U.width;
  column_sums<1>(
      op.U.rows, op.U.columns, meet,
      [&](int c, int n, float(&sum)[1]) { sum[0] += value(op.W_C, m)[c * width + n] * grad(op.W_B, m)[c * width + n]; },
      [&](int n, float(&sum)[1]) { grad(op.log, m)[n] += op.sign * sigmoid(value(op.log, m)[n]) * sum[0]; });
}

void forward(const Triangle<float>& op) {
  launch<triangle_forward>(blocks_for(static_cast<std::int64_t>(op.U.rows) * op.U.width, op.models), kThreads, op);
}
void backward(const Triangle<float>& op) {
  launch<triangle_entries_backward>(blocks_for(static_cast<std::int64_t>(op.U.rows) * op.U.width, op.models), kThreads,
                                    op);
  launch_column_sums<triangle_eigenvalues_backward>(1, op.U.width, op.models, op.U.rows, op);
}

}  // namespace phasegrid::kernels::cuda
