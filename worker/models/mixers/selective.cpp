// What mixers with an input-dependent step size share: how the step size starts, and the scan as recorded on the tape.
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

template kernels::Rows<float> read_out(Builder<float>&, const kernels::Rows<float>&, kernels::Parameter<float>);
template kernels::Rows<double> read_out(Builder<double>&, const kernels::Rows<double>&, kernels::Parameter<double>);
template kernels::Rows<float> record_scan(Builder<float>&, kernels::Scan<float>);
template kernels::Rows<double> record_scan(Builder<double>&, kernels::Scan<double>);

}  // namespace phasegrid::worker
