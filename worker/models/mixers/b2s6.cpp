// B2S6, block-biased S6 (docs/theory.md, 1.2; arXiv 2505.09022, section 6). Channels come in h blocks of p = D / h, each with projections
// of its own; every channel has a bias on B:
//
//   delta_t[c] = softplus(w^j . u^j_t + b[c])       B_t = W_B^j u^j_t + bias[c]      C_t = W_C^j u^j_t      c in block j
//   h_t = e^{delta_t A} h_{t-1} + f_t B_t u_t        y_t = Re sum_n C_t[n] h_t[n] + skip u_t
//
//   u, y (T, D)   w, b, skip (D)   W_B, W_C (D, n), bias (n, D): complex, or real   A (n), the same for all channels   f = (e^{delta A} - 1) / A
//
// n = N/2 complex or N real states. Starts: A as S4D-Lin (real: -1, -2, ..), delta as in S6, bias normal of variance 1, projections uniform
// in +-1/sqrt(p), skip 1. The step size learns more slowly: `delta_rate` is the factor on its learning rate.
#include <cmath>

#include "worker/models/mixers/mixers.hpp"

namespace phasegrid::worker {
namespace {

template <class Real>
kernels::Rows<Real> step_size(Builder<Real>& build, const kernels::Rows<Real>& u) {
  const ModelSettings& model = build.model;
  const std::string prefix = build.prefix() + "dt_proj.";
  const int D = model.D;
  const auto vector = [&](const std::string& name, Start start, double decay) {
    ParameterInfo p;
    p.name = prefix + name, p.rows = 1, p.columns = D, p.start = std::move(start), p.rate = model.delta_rate, p.decay = decay;
    p.place.dataset = p.name, p.place.form = FilePlace::flat;
    return build.parameter(std::move(p));
  };
  const auto b = vector("bias", delta_bias_start(model.delta_activation), 0);
  if (model.delta_fixed) return build.broadcast(u, b, model.delta_activation);
  const auto w = vector("weight", uniform(model.init_scale / std::sqrt(static_cast<double>(D / model.blocks))), 1);
  const auto delta = build.tape.rows(u.count, u.stride / u.width, D);
  build.tape.record(&kernels::Operations<Real>::block_delta,
                    kernels::BlockDelta<Real>{.models = 0, .blocks = model.blocks, .u = u, .w = w, .b = b, .activation = model.delta_activation,
                                              .delta = delta, .derivative = build.tape.kept(delta)});
  return delta;
}

template <class Real>
kernels::Rows<Real> project(Builder<Real>& build, const kernels::Rows<Real>& x, const std::string& name, int states) {
  const ModelSettings& model = build.model;
  const auto start = uniform(model.init_scale / std::sqrt(static_cast<double>(model.D / model.blocks)));
  const auto W = complex_parameter(build, {.rows = model.D, .columns = states, .is_complex = model.block_complex, .real_name = name,
                                           .re_name = name + "_real", .im_name = name + "_imag", .re = start, .im = start});
  const auto y = build.tape.rows(x.count, x.stride / x.width, kernels::block_columns(states, model.blocks, model.block_complex));
  build.tape.record(&kernels::Operations<Real>::block_linear,
                    kernels::BlockLinear<Real>{.models = 0, .blocks = model.blocks, .x = x, .W = W.re, .W_imag = W.im, .y = y,
                                               .scratch = build.tape.scratch(kernels::block_linear_scratch(model.D, states))});
  return y;
}

}  // namespace

template <class Real>
kernels::Rows<Real> b2s6(Builder<Real>& build, const MixerInput<Real>& in) {
  const ModelSettings& model = build.model;
  const LayoutShape& shape = build.layout.shape();
  const int layer = build.layer, D = model.D, states = model.block_complex ? model.N / 2 : model.N;
  const auto delta = step_size(build, in.u);
  const auto u_read = build.gather(in.u, {build.layout.maps(layer).output_row.data()}, build.layout.outputs(layer), shape.outputs(layer));
  const auto B = project(build, in.u, "B_weight", states), C = project(build, u_read, "C_weight", states);
  build.tap("delta", delta), build.tap("B", B), build.tap("C", C);

  const auto eigenvalues = diagonal_start(model.block_complex ? S4dInit::lin : S4dInit::real, states, model.block_complex);
  const auto A = complex_parameter(build, {.rows = 1, .columns = states, .form = FilePlace::flat, .is_complex = model.block_complex,
                                           .real_name = "A_log", .re_name = "A_real_log", .im_name = "A_imag",
                                           .re = [eigenvalues](kernels::Random&, int, int n) { return std::log(-eigenvalues[static_cast<std::size_t>(n)].real()); },
                                           .im = [eigenvalues](kernels::Random&, int, int n) { return eigenvalues[static_cast<std::size_t>(n)].imag(); },
                                           .decay = 0});
  ComplexParameter<Real> bias{};
  if (model.block_bias) {
    const auto start = normal(model.init_scale * (model.block_complex ? std::sqrt(0.5) : 1));
    bias = complex_parameter(build, {.rows = states, .columns = D, .form = FilePlace::transposed, .is_complex = model.block_complex,
                                     .real_name = "B_bias", .re_name = "B_bias_real", .im_name = "B_bias_imag", .re = start, .im = start, .decay = 0});
  }
  const auto skip = build.vector(build.prefix() + "D", D, constant(1));
  const auto y = build.tape.rows(build.layout.outputs(layer), shape.outputs(layer), D);
  build.tape.record(&kernels::Operations<Real>::block_scan,
                    kernels::BlockScan<Real>{.models = 0, .blocks = model.blocks, .discretisation = model.discretisation, .u = in.u, .delta = delta,
                                             .B = B, .C = C, .A_log = A.re, .A_imag = A.im, .bias = bias.re, .bias_imag = bias.im, .skip = skip,
                                             .walks = build.layout.walks(layer), .output_row = {build.layout.maps(layer).output_row.data()}, .y = y,
                                             .most_steps = shape.T,
                                             .scratch = build.tape.scratch(kernels::block_scan_scratch(shape.T))});
  return y;
}

template kernels::Rows<float> b2s6(Builder<float>&, const MixerInput<float>&);
template kernels::Rows<double> b2s6(Builder<double>&, const MixerInput<double>&);

}  // namespace phasegrid::worker
