#include "kernels/gate/gate.hpp"

#include "kernels/device/operations.hpp"
#include "kernels/device/pointwise.hpp"
#include "kernels/device/queue.hpp"

namespace phasegrid::kernels::cuda {

__global__ void gate_forward(Gate<float> op) {
  const int m = blockIdx.y;
  const std::int64_t width = op.y.width;
  each_number(count(op.o, m), op.o.width, [&](std::int64_t row, int c, std::int64_t i) {
    const float z = value(op.z, m)[op.row.data[m][row] * width + c];
    value(op.o, m)[i] = value(op.y, m)[i] * activate(op.activation, z).value;
  });
}

__global__ void gate_y_backward(Gate<float> op) {
  const int m = blockIdx.y;
  const std::int64_t width = op.y.width;
  each_number(count(op.o, m), op.o.width, [&](std::int64_t row, int c, std::int64_t i) {
    const float z = value(op.z, m)[op.row.data[m][row] * width + c];
    put(grad(op.y, m)[i], grad(op.o, m)[i] * activate(op.activation, z).value, op.y.add);
  });
}

__global__ void gate_z_backward(Gate<float> op) {
  const int m = blockIdx.y;
  const std::int64_t width = op.z.width;
  each_number(count(op.z, m), op.z.width, [&](std::int64_t row, int c, std::int64_t i) {
    const Readers outputs = readers(op.row, op.models, m, row);
    float sum = 0;
    for (const std::int32_t* q = outputs.begin; q < outputs.end; ++q)
      sum += grad(op.o, m)[*q * width + c] * value(op.y, m)[*q * width + c];
    put(grad(op.z, m)[i], sum * activate(op.activation, value(op.z, m)[i]).derivative, op.z.add);
  });
}

void forward(const Gate<float>& op) { launch<gate_forward>(blocks_for(op.o.stride, op.models), kThreads, op); }
void backward(const Gate<float>& op) {
  launch<gate_y_backward>(blocks_for(op.o.stride, op.models), kThreads, op);
  launch<gate_z_backward>(blocks_for(op.z.stride, op.models), kThreads, op);
}

}  // namespace phasegrid::kernels::cuda
