// What mixers with an input-dependent step size share: how the step size starts, the scan as recorded on the tape, and the
// selective mixer itself, whose step size belongs to a channel (S6) or to a state (Mamba-Delta^T).
#include <algorithm>
#include <cmath>

#include "worker/models/mixers/mixers.hpp"

namespace phasegrid::worker {
namespace {

// The bias that makes the activation return `delta`.
double inverse(kernels::Activation activation, double delta) {
  switch (activation) {
    case kernels::Activation::sigmoid:
      return std::log(delta) - std::log1p(-delta);
    case kernels::Activation::one_plus_tanh:
      return std::atanh(delta - 1);
    case kernels::Activation::relu:
      return delta;
    default:
      return delta + std::log(-std::expm1(-delta));  // softplus
  }
}

}  // namespace

std::function<double(kernels::Random&, int, int)> delta_bias_start(kernels::Activation activation) {
  return [activation](kernels::Random& random, int, int) {
    return inverse(activation, std::max(1e-4, std::exp(random.uniform(std::log(1e-3), std::log(1e-1)))));
  };
}

template <class Real>
kernels::Rows<Real> read_out(Builder<Real>& build, const kernels::Rows<Real>& u, kernels::Parameter<Real> W) {
  const Layout& layout = build.layout;
  const int layer = build.layer;
  return build.linear(
      build.gather(u, {layout.maps(layer).output_row.data()}, layout.outputs(layer), layout.shape().outputs(layer)), W);
}

template <class Real>
kernels::Rows<Real> record_scan(Builder<Real>& build, kernels::Scan<Real> op) {
  const LayoutShape& shape = build.layout.shape();
  const int layer = build.layer;
  op.walks = build.layout.walks(layer), op.output_row = {build.layout.maps(layer).output_row.data()};
  op.y = build.tape.rows(build.layout.outputs(layer), shape.outputs(layer), op.u.columns);
  op.most_steps = shape.T, op.most_outputs = layer + 1 == shape.layers ? shape.most_scored : shape.T;
  op.scratch = build.tape.scratch(
      kernels::scan_scratch(op.u.columns, op.B.columns, op.u.stride / op.u.width, op.most_steps, op.most_outputs));
  build.tape.record(&kernels::Operations<Real>::scan, op);
  return op.y;
}

template <class Real>
kernels::Rows<Real> selective(Builder<Real>& build, const MixerInput<Real>& in, bool delta_by_state) {
  const ModelSettings& model = build.model;
  const std::string prefix = build.prefix();
  const int D = model.D, N = model.N, steps = delta_by_state ? N : D, R = model.delta_rank, low = model.delta_fixed ? 0 : R, projected = low + 2 * N;

  const auto b = build.vector(prefix + "dt_proj.bias", steps, delta_bias_start(model.delta_activation));
  kernels::Rows<Real> delta;
  if (model.delta_fixed) {
    delta = build.broadcast(in.u, b, model.delta_activation);
  } else {
    auto x = in.u;
    if (R > 0) x = build.linear(x, build.weight(prefix + "x_proj.dt", D, R, prefix + "x_proj.weight", 0, projected));
    delta = build.linear(x, build.weight(prefix + "dt_proj.weight", R > 0 ? R : D, steps, prefix + "dt_proj.weight"), b,
                         model.delta_activation);
  }
  const auto B = build.linear(in.u, build.weight(prefix + "x_proj.B", D, N, prefix + "x_proj.weight", low, projected));
  const auto C =
      read_out(build, in.u, build.weight(prefix + "x_proj.C", D, N, prefix + "x_proj.weight", low + N, projected));

  build.tap("delta", delta), build.tap("B", B), build.tap("C", C);

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
                                   .delta_by_state = delta_by_state});
}

template kernels::Rows<float> selective(Builder<float>&, const MixerInput<float>&, bool);
template kernels::Rows<double> selective(Builder<double>&, const MixerInput<double>&, bool);
template kernels::Rows<float> read_out(Builder<float>&, const kernels::Rows<float>&, kernels::Parameter<float>);
template kernels::Rows<double> read_out(Builder<double>&, const kernels::Rows<double>&, kernels::Parameter<double>);
template kernels::Rows<float> record_scan(Builder<float>&, kernels::Scan<float>);
template kernels::Rows<double> record_scan(Builder<double>&, kernels::Scan<double>);

}  // namespace phasegrid::worker
