// Gated linear attention (arXiv 2312.06635): a state of N keys times D values that forgets each key at a rate the
// input chooses.
//
//   alpha_t = sigmoid(-(W_a n_t + b))^{1/16}  in (0, 1)^N      k_t = W_k u_t      q_t = W_q u_t      v_t = u_t
//   S_t = diag(alpha_t) S_{t-1} + k_t v_t^T                    y_t = q_t S_t
//
//   n (T, d) the block's input   u, y (T, D)   alpha, k, q (T, N)   S (N, D)   b starts at 0: alpha = 0.96
//
// One head, no scale on q (W_q learns it), no skip. Since log alpha = -softplus(W_a n + b) / 16, this is the scan of
// kernels/scan/scan.hpp with a step size for every state, A = -1/16 and input factor 1. The root keeps alpha near 1.
#include "worker/models/mixers/mixers.hpp"

namespace phasegrid::worker {

template <class Real>
kernels::Rows<Real> linear_attention(Builder<Real>& build, const MixerInput<Real>& in) {
  const ModelSettings& model = build.model;
  const Layout& layout = build.layout;
  const int layer = build.layer, D = model.D, N = model.N;
  const std::string prefix = build.prefix();

  const auto W_a = build.weight(prefix + "gk_proj.weight", model.d, N, prefix + "gk_proj.weight");
  const auto gate =
      build.linear(in.e, W_a, build.vector(prefix + "gk_proj.bias", N, constant(0)), kernels::Activation::softplus);
  const auto forget =
      build.gather(gate, {layout.maps(layer).window_input.data()}, layout.windows(layer), layout.shape().positions());
  const auto k = build.linear(in.u, build.weight(prefix + "k_proj.weight", D, N, prefix + "k_proj.weight"));
  const auto q = read_out(build, in.u, build.weight(prefix + "q_proj.weight", D, N, prefix + "q_proj.weight"));
  build.tap("delta", forget), build.tap("B", k), build.tap("C", q);
  return record_scan<Real>(build, {.models = 0,
                                   .discretisation = kernels::Discretisation::none,
                                   .u = in.u,
                                   .delta = forget,
                                   .B = k,
                                   .C = q,
                                   .A_log = {},
                                   .skip = {},
                                   .constant_A = Real(-1.0 / 16),
                                   .delta_by_state = true});
}

template kernels::Rows<float> linear_attention(Builder<float>&, const MixerInput<float>&);
template kernels::Rows<double> linear_attention(Builder<double>&, const MixerInput<double>&);

}  // namespace phasegrid::worker
