#include "kernels/s4d/table.hpp"

#include "kernels/s4d/mode.hpp"

namespace phasegrid::kernels::cuda {

template <class N>
__device__ N mode_number(const Parameter<float>& re, const Parameter<float>& im, int m, std::int64_t i) {
  return load<N>(value(re, m) + i, NumberKind<N>::kParts == 2 ? value(im, m) + i : nullptr);
}
template <class N>
__device__ void add_gradient(const Parameter<float>& re, const Parameter<float>& im, int m, std::int64_t i, N d) {
  if constexpr (NumberKind<N>::kParts == 2) grad(re, m)[i] += d.re, grad(im, m)[i] += d.im;
  else grad(re, m)[i] += d;
}

template <class N>
__device__ S4dMode<N> mode_of(const S4dParameters<float>& p, float delta, int m, std::int64_t i) {
  S4dMode<N> k;
  k.A = mode_number<N>(p.A_log, p.A_imag, m, i), k.B = mode_number<N>(p.B, p.B_imag, m, i);
  if constexpr (NumberKind<N>::kParts == 2) k.A.re = -expf(k.A.re);
  else k.A = -expf(k.A);
  k.a = exp_number(k.A * delta);
  return k;
}

template <bool is_complex>
__global__ void s4d_modes(S4dParameters<float> p, ModeTable modes) {
  using N = NumberOf<is_complex>;
  const int m = blockIdx.y;
  for (std::int64_t i = first(); i < static_cast<std::int64_t>(modes.modes) * modes.D; i += step()) {
    const int n = static_cast<int>(i / modes.D), c = static_cast<int>(i % modes.D);
    const float delta = expf(value(p.log_dt, m)[c]);
    const S4dMode<N> k = mode_of<N>(p, delta, m, i);
    modes.set(m, kModeA, n, c, k.a);
    modes.set(m, kModeB, n, c, input_value(p.discretisation, delta, k.A, k.a) * k.B);
  }
}

// A thread has a channel: its step size belongs to all modes, whose terms it sums in their order.
template <bool is_complex>
__global__ void s4d_modes_backward(S4dParameters<float> p, ModeTable d) {
  using N = NumberOf<is_complex>;
  const int m = blockIdx.y;
  for (std::int64_t c = first(); c < d.D; c += step()) {
    const float delta = expf(value(p.log_dt, m)[c]);
    float d_log_dt = 0;
    for (int n = 0; n < d.modes; ++n) {
      const std::int64_t i = static_cast<std::int64_t>(n) * d.D + c;
      const S4dMode<N> k = mode_of<N>(p, delta, m, i);
      const int channel = static_cast<int>(c);
      const S4dAdjoint<float, N> adjoint = s4d_adjoint(delta, k, input_factor(p.discretisation, delta, k.A, k.a),
                                                       d.get<N>(m, kByB, n, channel), d.get<N>(m, kByA, n, channel));
      d_log_dt += adjoint.log_dt;
      add_gradient(p.A_log, p.A_imag, m, i, adjoint.A_log), add_gradient(p.B, p.B_imag, m, i, adjoint.B);
      add_gradient(p.C, p.C_imag, m, i, d.get<N>(m, kByC, n, channel));
    }
    grad(p.log_dt, m)[c] += d_log_dt;
  }
}

void find_modes(int models, const S4dParameters<float>& p, const ModeTable& modes) {
  const dim3 blocks = blocks_for(static_cast<std::int64_t>(modes.modes) * modes.D, models);
  if (p.is_complex()) launch<s4d_modes<true>>(blocks, kThreads, p, modes);
  else launch<s4d_modes<false>>(blocks, kThreads, p, modes);
}
void pull_back_modes(int models, const S4dParameters<float>& p, const ModeTable& gradients) {
  if (p.is_complex()) launch<s4d_modes_backward<true>>(blocks_for(gradients.D, models), kThreads, p, gradients);
  else launch<s4d_modes_backward<false>>(blocks_for(gradients.D, models), kThreads, p, gradients);
}

}  // namespace phasegrid::kernels::cuda
