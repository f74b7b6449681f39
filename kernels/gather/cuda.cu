#include "kernels/gather/gather.hpp"

#include "kernels/device/access.hpp"
#include "kernels/device/operations.hpp"
#include "kernels/device/queue.hpp"

namespace phasegrid::kernels::cuda {

__global__ void gather_forward(Gather<float> op) {
  const int m = blockIdx.y;
  const std::int64_t width = op.y.width;
  each_number(count(op.y, m), op.y.width, [&](std::int64_t row, int c, std::int64_t i) {
    const float x = value(op.x, m)[op.index.data[m][row] * width + c];
    value(op.y, m)[i] = op.base.values ? value(op.base, m)[i] + x : x;
  });
}

__global__ void gather_backward(Gather<float> op) {
  const int m = blockIdx.y;
  const std::int64_t width = op.x.width;
  each_number(count(op.x, m), op.x.width, [&](std::int64_t row, int c, std::int64_t i) {
    const Readers picked = readers(op.index, op.models, m, row);
    float sum = 0;
    for (const std::int32_t* r = picked.begin; r < picked.end; ++r) sum += grad(op.y, m)[*r * width + c];
    put(grad(op.x, m)[i], sum, op.x.add);
  });
}

__global__ void gather_base_backward(Gather<float> op) {
  const int m = blockIdx.y;
  for (std::int64_t i = first(); i < static_cast<std::int64_t>(count(op.y, m)) * op.y.width; i += step())
    put(grad(op.base, m)[i], grad(op.y, m)[i], op.base.add);
}

void forward(const Gather<float>& op) { launch<gather_forward>(blocks_for(op.y.stride, op.models), kThreads, op); }
void backward(const Gather<float>& op) {
  if (op.x.grads) launch<gather_backward>(blocks_for(op.x.stride, op.models), kThreads, op);
  if (op.base.grads) launch<gather_base_backward>(blocks_for(op.y.stride, op.models), kThreads, op);
}

}  // namespace phasegrid::kernels::cuda
