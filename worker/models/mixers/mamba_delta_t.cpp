// Mamba-Delta^T: S6 with a step size for every state instead of every channel (docs/theory.md, 1.2; arXiv 2506.11891,
// eq. 15):
//
//   delta_t = softplus(W u_t + b)  in R^N        B_t = W_B u_t        C_t = W_C u_t
//   h_t[c,n] = e^{delta_t[n] A[c,n]} h_{t-1}[c,n] + f B_t[n] u_t[c]
//   y_t[c] = sum_n C_t[n] h_t[c,n] + skip[c] u_t[c]
//
//   u, y (T, D)   A (D, N)   b (N)   f = 1 as published (discretisation none), delta_t[n] (euler) or exact (zoh)
//
// W is of rank delta_rank or full; everything starts as in S6. Files: as S6, with dt_proj of N rows.
#include <cmath>

#include "worker/models/mixers/mixers.hpp"

namespace phasegrid::worker {

template <class Real>
kernels::Rows<Real> mamba_delta_t(Builder<Real>& build, const MixerInput<Real>& in) {
  const ModelSettings& model = build.model;
  const std::string prefix = build.prefix(), x_proj = prefix + "x_proj.weight";
  const int D = model.D, N = model.N, R = model.delta_rank, low = model.delta_fixed ? 0 : R, projected = low + 2 * N;

  const auto b = build.vector(prefix + "dt_proj.bias", N, delta_bias_start(model.delta_activation));
  kernels::Rows<Real> delta;
  if (model.delta_fixed) {
    delta = build.broadcast(in.u, b, model.delta_activation);
  } else {
    const auto x = R > 0 ? build.linear(in.u, build.weight(prefix + "x_proj.dt", D, R, x_proj, 0, projected)) : in.u;
    delta = build.linear(x, build.weight(prefix + "dt_proj.weight", x.columns, N, prefix + "dt_proj.weight"), b,
                         model.delta_activation);
  }
  const auto B = build.linear(in.u, build.weight(prefix + "x_proj.B", D, N, x_proj, low, projected));
  const auto C = read_out(build, in.u, build.weight(prefix + "x_proj.C", D, N, x_proj, low + N, projected));
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
                                   .skip = skip,
                                   .delta_by_state = true});
}

template kernels::Rows<float> mamba_delta_t(Builder<float>&, const MixerInput<float>&);
template kernels::Rows<double> mamba_delta_t(Builder<double>&, const MixerInput<double>&);

}  // namespace phasegrid::worker
