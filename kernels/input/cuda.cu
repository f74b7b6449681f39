#include "kernels/input/input.hpp"

#include "kernels/device/access.hpp"
#include "kernels/device/operations.hpp"
#include "kernels/device/queue.hpp"

namespace phasegrid::kernels::cuda {

__global__ void input_forward(Input<float> op) {
  const int m = blockIdx.y, columns = op.y.columns;
  for (std::int64_t i = first(); i < static_cast<std::int64_t>(count(op.y, m)) * columns; i += step())
    value(op.y, m)[i / columns * op.y.width + i % columns] = op.numbers.data[m][i];
}

void forward(const Input<float>& op) {
  launch<input_forward>(blocks_for(capacity(op.y) * op.y.columns, op.models), kThreads, op);
}
void backward(const Input<float>&) {}

}  // namespace phasegrid::kernels::cuda
