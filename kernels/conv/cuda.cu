#include "kernels/conv/conv.hpp"

#include "kernels/device/operations.hpp"
#include "kernels/device/pointwise.hpp"
#include "kernels/device/reduce.hpp"

namespace phasegrid::kernels::cuda {

__device__ float d_c(const Conv<float>& op, int m, std::int64_t i) {
  const float d_u = grad(op.u, m)[i];
  return op.derivative.values ? d_u * value(op.derivative, m)[i] : d_u;
}

__global__ void conv_forward(Conv<float> op) {
  const int m = blockIdx.y;
  const std::int64_t width = op.u.width;
  const float* x = value(op.x, m);
  for (std::int64_t i = first(); i < count(op.u, m) * width; i += step()) {
    const std::int64_t c = i % width;
    const std::int32_t* window = op.window.data[m] + i / width * op.taps;
    float z = op.w.values ? value(op.b, m)[c] : x[window[0] * width + c];
    for (int j = 0; op.w.values && j < op.taps; ++j)
      if (window[j] >= 0) z += value(op.w, m)[j * width + c] * x[window[j] * width + c];
    const Pointwise<float> p = activate(op.activation, z);
    value(op.u, m)[i] = p.value;
    if (op.derivative.values) value(op.derivative, m)[i] = p.derivative;
  }
}

// One number of x: the sum over the windows that hold it. Entry e of the map is tap e % taps of window e / taps.
__global__ void conv_input_backward(Conv<float> op) {
  const int m = blockIdx.y;
  const std::int64_t width = op.x.width;
  for (std::int64_t i = first(); i < count(op.x, m) * width; i += step()) {
    const std::int64_t c = i % width;
    const Readers windows = readers(op.window, op.models, m, i / width);
    float sum = 0;
    for (const std::int32_t* e = windows.begin; e < windows.end; ++e) {
      const float d = d_c(op, m, *e / op.taps * width + c);
      sum += op.w.values ? value(op.w, m)[*e % op.taps * width + c] * d : d;
    }
    put(grad(op.x, m)[i], sum, op.x.add);
  }
}

template <int taps>
__global__ void conv_weight_backward(Conv<float> op) {
  const int m = blockIdx.y;
  const std::int64_t width = op.x.width;
  const float* x = value(op.x, m);
  column_sums<taps + 1>(
      count(op.u, m), op.x.columns,
      [&](int r, int c, float(&sum)[taps + 1]) {
        const float d = d_c(op, m, r * width + c);
        PHASEGRID_UNROLL
        for (int j = 0; j < taps; ++j) {
          const std::int32_t row = op.window.data[m][static_cast<std::int64_t>(r) * taps + j];
          if (row >= 0) sum[j] += d * x[row * width + c];
        }
        sum[taps] += d;
      },
      [&](int c, float(&sum)[taps + 1]) {
        PHASEGRID_UNROLL
        for (int j = 0; j < taps; ++j) grad(op.w, m)[j * width + c] += sum[j];
        grad(op.b, m)[c] += sum[taps];
      });
}

void forward(const Conv<float>& op) { launch<conv_forward>(blocks_for(op.u.stride, op.models), kThreads, op); }

void backward(const Conv<float>& op) {
  launch<conv_input_backward>(blocks_for(op.x.stride, op.models), kThreads, op);
  if (!op.w) return;
  const dim3 blocks = column_blocks(op.x.width, op.models), threads = column_threads();
  if (op.taps == 1) launch<conv_weight_backward<1>>(blocks, threads, op);
  else if (op.taps == 2) launch<conv_weight_backward<2>>(blocks, threads, op);
  else if (op.taps == 3) launch<conv_weight_backward<3>>(blocks, threads, op);
  else launch<conv_weight_backward<4>>(blocks, threads, op);
}

}  // namespace phasegrid::kernels::cuda
