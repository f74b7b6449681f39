// S6, the selective state space model of Mamba (docs/theory.md, 1.2; arXiv 2312.00752):
//
//   delta_t = softplus(W_up W_down u_t + b)        B_t = W_B u_t        C_t = W_C u_t
//   h_t[c,n] = e^{delta_t[c] A[c,n]} h_{t-1}[c,n] + f_t[c,n] B_t[n] u_t[c]
//   y_t[c] = sum_n C_t[n] h_t[c,n] + skip[c] u_t[c]
//
//   u, y (T, D)   A (D, N) starts at -1, -2, .. -N   b such that delta starts log-uniform in [1e-3, 1e-1]   skip at 1
#include "worker/models/mixers/mixers.hpp"

#include <cmath>

namespace phasegrid::worker {
template <class Real>
kernels::Rows<Real> s6(Builder<Real>& build, const MixerInput<Real>& in) {
  const ModelSettings& model = build.model;
  const std::string prefix = build.prefix();
  const int D = model.D, N = model.N, R = model.delta_rank, low = model.delta_fixed ? 0 : R, projected = low + 2 * N;

  const auto b = build.vector(prefix + "dt_proj.bias", D, delta_bias_start(model.delta_activation));
  kernels::Rows<Real> delta;
  if (model.delta_fixed) {
    delta = build.broadcast(in.u, b, model.delta_activation);
  } else {
    auto x = in.u;
    if (R > 0) x = build.linear(x, build.weight(prefix + "x_proj.dt", D, R, prefix + "x_proj.weight", 0, projected));
    delta = build.linear(x, build.weight(prefix + "dt_proj.weight", R > 0 ? R : D, D, prefix + "dt_proj.weight"), b,
                         model.delta_activation);
  }
  const auto B = build.linear(in.u, build.weight(prefix + "x_proj.B", D, N, prefix + "x_proj.weight", low, projected));
  const auto C =
      read_out(build, in.u, build.weight(prefix + "x_proj.C", D, N, prefix + "x_proj.weight", low + N, projected));

  const auto A_log = build.parameter({.name = prefix + "A_log",
                                      .rows = N,
                                      .columns = D,
                                      .place = {prefix + "A_log", FilePlace::transposed},
                                      .start = [](kernels::Random&, int n, int) { return std::log(n + 1.0); },
                                      .decay = 0});
  const auto skip = build.vector(prefix + "D", D, constant(1));
  return record_scan<Real>(build, {.models = 0,
                                   .discretisation = model.discretisation,
                                   .u = in.u,
                                   .delta = delta,
                                   .B = B,
                                   .C = C,
                                   .A_log = A_log,
                                   .skip = skip});
}

template kernels::Rows<float> s6(Builder<float>&, const MixerInput<float>&);
template kernels::Rows<double> s6(Builder<double>&, const MixerInput<double>&);

}  // namespace phasegrid::worker
