// Mamba-2, the state-space dual (docs/theory.md, 1.2; arXiv 2405.21060), with three independent convolutions:
//
//   u = act(conv_x(W_x n))   B = act(conv_B(W_B n))   C = act(conv_C(W_C n))
//   delta_t = softplus(W_dt n_t + b) per head
//   h_t = e^{delta_t A} h_{t-1} + delta_t u_t B_t^T          y_t = h_t C_t + skip u_t
//
//   n (T, d) the block's input   u, y (T, heads P)   B, C (T, groups N)   A, skip, delta (heads)
//
// A starts uniform in [-16, -1], skip at 1, b such that delta starts log-uniform in [1e-3, 1e-1]. With `gated_norm`
// the block ends its gate with an RMS norm over the channels of each group, y act(z) -> RMS(y act(z)) weight.
#include <cmath>

#include "worker/models/mixers/mixers.hpp"

namespace phasegrid::worker {
namespace {

template <class Real>
kernels::Rows<Real> step_sizes(Builder<Real>& build, const kernels::Rows<Real>& n, int first_row, int rows) {
  const ModelSettings& model = build.model;
  const std::string prefix = build.prefix();
  const auto b = build.vector(prefix + "dt_bias", model.heads, delta_bias_start(model.delta_activation));
  if (model.delta_fixed) return build.broadcast(n, b, model.delta_activation);
  const auto W = build.weight(prefix + "in_proj.dt", model.d, model.heads, prefix + "in_proj.weight", first_row, rows);
  return build.linear(n, W, b, model.delta_activation);
}

}  // namespace

BlockRows mamba2_rows(const ModelSettings& model) {
  const int BC = 2 * model.groups * model.N;
  return {BC + (model.delta_fixed ? 0 : model.heads), BC};
}

template <class Real>
kernels::Rows<Real> mamba2(Builder<Real>& build, const MixerInput<Real>& in) {
  const ModelSettings& model = build.model;
  const std::string prefix = build.prefix();
  const int D = model.D, GN = model.groups * model.N, begin = D + (model.gate ? D : 0),
            rows = begin + build.own.projected;

  const auto W_B = build.weight(prefix + "in_proj.B", model.d, GN, prefix + "in_proj.weight", begin, rows);
  const auto W_C = build.weight(prefix + "in_proj.C", model.d, GN, prefix + "in_proj.weight", begin + GN, rows);
  const auto B = build.convolution(build.linear(in.e, W_B), false, "B", D, D + 2 * GN);
  const auto C = build.convolution(build.linear(in.e, W_C), true, "C", D + GN, D + 2 * GN);
  const auto delta = step_sizes(build, in.e, begin + 2 * GN, rows);

  build.tap("delta", delta), build.tap("B", B), build.tap("C", C);

  const auto A_log = build.vector(prefix + "A_log", model.heads,
                                  [](kernels::Random& r, int, int) { return std::log(r.uniform(1, 16)); });
  const auto skip = build.vector(prefix + "D", model.heads, constant(1));

  const Layout& layout = build.layout;
  const LayoutShape& shape = layout.shape();
  const auto& maps = layout.maps(build.layer);
  const int most_outputs = build.layer + 1 == shape.layers ? shape.most_scored : shape.T;
  kernels::Ssd<Real> op{.models = 0,
                        .heads = model.heads,
                        .groups = model.groups,
                        .chunk = kernels::ssd_chunk(shape.T, most_outputs, D, model.N),
                        .u = in.u,
                        .delta = delta,
                        .B = B,
                        .C = C,
                        .A_log = A_log,
                        .skip = skip,
                        .walks = layout.walks(build.layer),
                        .window_input = {maps.window_input.data()},
                        .y = build.tape.rows(layout.outputs(build.layer), shape.outputs(build.layer), D),
                        .most_steps = shape.T,
                        .most_outputs = most_outputs};
  op.scratch = build.tape.scratch(kernels::ssd_scratch(op));
  build.tape.record(&kernels::Operations<Real>::ssd, op);
  return op.y;
}

template kernels::Rows<float> mamba2(Builder<float>&, const MixerInput<float>&);
template kernels::Rows<double> mamba2(Builder<double>&, const MixerInput<double>&);

}  // namespace phasegrid::worker
