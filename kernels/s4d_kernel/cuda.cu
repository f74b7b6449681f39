// Forwards a thread has a channel and kStretch entries of K: it raises a to the first of them by squarings, then multiplies on; the
// sum over modes stays in registers. On the way back a thread has a channel and a mode and runs both polynomials of
// kernels/s4d_kernel/cpu.cpp by Horner's rule.
#include "kernels/s4d_kernel/s4d_kernel.hpp"

#include "kernels/device/operations.hpp"
#include "kernels/s4d/table.hpp"

namespace phasegrid::kernels::cuda {

constexpr int kStretch = 16, kLog2Stretch = 4;

// C b kappa: what the powers of a are multiplied with.
template <class N>
__device__ N weight_of(const S4dKernel<float>& op, const ModeTable& modes, int m, int n, int c) {
  return mode_C<N>(op.parameters, m, n, c) * modes.get<N>(m, kModeB, n, c) * static_cast<float>(NumberKind<N>::kParts);
}

template <bool is_complex>
__global__ void s4d_kernel_forward(S4dKernel<float> op, ModeTable modes) {
  using N = NumberOf<is_complex>;
  const int m = blockIdx.y, T = count(op.K, m), D = modes.D, stretches = (T + kStretch - 1) / kStretch;
  for (std::int64_t i = first(); i < static_cast<std::int64_t>(stretches) * D; i += step()) {
    const int c = static_cast<int>(i % D), stretch = static_cast<int>(i / D);
    float sum[kStretch];
    PHASEGRID_UNROLL
    for (int j = 0; j < kStretch; ++j) sum[j] = 0;
    PHASEGRID_KEEP_LOOP
    for (int n = 0; n < modes.modes; ++n) {
      const N a = modes.get<N>(m, kModeA, n, c);
      N w = weight_of<N>(op, modes, m, n, c), power = a;
      PHASEGRID_UNROLL
      for (int k = 0; k < kLog2Stretch; ++k) power = power * power;
      for (int rest = stretch; rest > 0; rest /= 2, power = power * power)
        if (rest & 1) w = w * power;
      PHASEGRID_UNROLL
      for (int j = 0; j < kStretch; ++j) sum[j] += real_part(w), w = w * a;  // (1)
    }
    PHASEGRID_UNROLL
    for (int j = 0; j < kStretch; ++j)
      if (stretch * kStretch + j < T) value(op.K, m)[static_cast<std::int64_t>(stretch * kStretch + j) * D + c] = sum[j];
  }
}

template <bool is_complex>
__global__ void s4d_kernel_backward(S4dKernel<float> op, ModeTable modes, ModeTable sums) {
  using N = NumberOf<is_complex>;
  const int m = blockIdx.y, T = count(op.K, m), D = modes.D;
  for (std::int64_t i = first(); i < static_cast<std::int64_t>(modes.modes) * D; i += step()) {
    const int c = static_cast<int>(i % D), n = static_cast<int>(i / D);
    const N a = modes.get<N>(m, kModeA, n, c), x = conj(a);
    N sum = NumberKind<N>::from(0.0f), slope = sum;
    for (int j = T - 1; j >= 0; --j) {
      slope = slope * x + sum;
      sum = sum * x + NumberKind<N>::from(grad(op.K, m)[static_cast<std::int64_t>(j) * D + c]);
    }
    const float kappa = NumberKind<N>::kParts;
    const N b = modes.get<N>(m, kModeB, n, c), C = mode_C<N>(op.parameters, m, n, c);
    sums.set(m, kByC, n, c, conj(b) * (sum * kappa)), sums.set(m, kByB, n, c, conj(C) * (sum * kappa));
    sums.set(m, kByA, n, c, conj(a * C * b) * slope * kappa);
  }
}

namespace {

template <bool is_complex>
void run(const S4dKernel<float>& op, bool back) {
  ModeTable modes = mode_table(op.parameters, 2), sums = mode_table(op.parameters, 3);
  Workspace workspace;
  workspace.want<float>(op.models * modes.size()).want<float>(op.models * sums.size()).take();
  modes.p = workspace.get<float>(op.models * modes.size()), sums.p = workspace.get<float>(op.models * sums.size());
  find_modes(op.models, op.parameters, modes);
  if (!back) {
    const std::int64_t stretches = (capacity(op.K) + kStretch - 1) / kStretch;
    launch<s4d_kernel_forward<is_complex>>(blocks_for(stretches * modes.D, op.models), kThreads, op, modes);
    return;
  }
  launch<s4d_kernel_backward<is_complex>>(blocks_for(static_cast<std::int64_t>(modes.modes) * modes.D, op.models), kThreads,
                                          op, modes, sums);
  pull_back_modes(op.models, op.parameters, sums);
}

}  // namespace

void forward(const S4dKernel<float>& op) { op.parameters.is_complex() ? run<true>(op, false) : run<false>(op, false); }
void backward(const S4dKernel<float>& op) { op.parameters.is_complex() ? run<true>(op, true) : run<false>(op, true); }

}  // namespace phasegrid::kernels::cuda
