// Causal softmax attention, a plain reference:
//
//   y_q = sum_{t <= q} softmax_t(q_q . k_t / sqrt(P)) v_t       q = W_q u, k = W_k u, v = W_v u       in H heads of P = D / H channels
//
//   u, y (T, D)   W_q, W_k, W_v (D, D)
#include "worker/models/mixers/mixers.hpp"

namespace phasegrid::worker {

template <class Real>
kernels::Rows<Real> attention(Builder<Real>& build, const MixerInput<Real>& in) {
  const int layer = build.layer, D = build.model.D;
  const LayoutShape& shape = build.layout.shape();
  const auto project = [&](const kernels::Rows<Real>& x, const std::string& part, int row) {
    return build.linear(x, build.weight(build.prefix() + "qkv_proj." + part, D, D, build.prefix() + "qkv_proj.weight", row * D, 3 * D));
  };
  const auto u_read = build.gather(in.u, {build.layout.maps(layer).output_row.data()}, build.layout.outputs(layer), shape.outputs(layer));
  const auto q = project(u_read, "q", 0), k = project(in.u, "k", 1), v = project(in.u, "v", 2);
  const auto y = build.tape.rows(build.layout.outputs(layer), shape.outputs(layer), D);
  kernels::Attention<Real> op{.models = 0, .heads = build.model.heads, .q = q, .k = k, .v = v, .walks = build.layout.walks(layer), .y = y,
                              .most_steps = shape.T, .most_outputs = layer + 1 == shape.layers ? shape.most_scored : shape.T};
  op.scratch = build.tape.scratch(kernels::attention_scratch(D / op.heads, op.most_steps, op.most_outputs));
  build.tape.record(&kernels::Operations<Real>::attention, op);
  return y;
}

template kernels::Rows<float> attention(Builder<float>&, const MixerInput<float>&);
template kernels::Rows<double> attention(Builder<double>&, const MixerInput<double>&);

}  // namespace phasegrid::worker
