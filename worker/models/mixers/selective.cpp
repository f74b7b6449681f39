// What mixers with an input-dependent step size share: how the step size starts, and the scan as recorded on the tape.
#include <algorithm>
#include <cmath>

#include "worker/models/mixers/mixers.hpp"

namespace phasegrid::worker {
namespace {

// The bias that makes the activation return `delta`.
double inverse(kernels::Activation activation, double delta) {
  switch (activation) {
    case kernels::Activation::sigmoid: return std::log(delta) - std::log1p(-delta);
    case kernels::Activation::one_plus_tanh: return std::atanh(delta - 1);
    case kernels::Activation::relu: return delta;
    default: return delta + std::log(-std::expm1(-delta));  // softplus
  }
}

}  // namespace

std::function<double(kernels::Random&, int, int)> delta_bias_start(kernels::Activation activation) {
  return [activation](kernels::Random& random, int, int) {
    return inverse(activation, std::max(1e-4, std::exp(random.uniform(std::log(1e-3), std::log(1e-1)))));
  };
}

template <class Real>
kernels::Rows<Real> record_scan(Builder<Real>& build, kernels::Rows<Real> u, kernels::Rows<Real> delta, kernels::Rows<Real> B,
                                kernels::Rows<Real> C, kernels::Parameter<Real> A_log, kernels::Parameter<Real> skip,
                                kernels::Discretisation discretisation) {
  const LayoutShape& shape = build.layout.shape();
  const int layer = build.layer, most_outputs = layer + 1 == shape.layers ? shape.most_scored : shape.T;
  const auto y = build.tape.rows(build.layout.outputs(layer), shape.outputs(layer), u.columns);
  kernels::Scan<Real> op{.models = 0, .discretisation = discretisation, .u = u, .delta = delta, .B = B, .C = C, .A_log = A_log, .skip = skip,
                         .walks = build.layout.walks(layer), .output_row = {build.layout.maps(layer).output_row.data()}, .y = y,
                         .most_steps = shape.T, .most_outputs = most_outputs};
  op.scratch = build.tape.scratch(kernels::scan_scratch(u.columns, B.columns, u.stride / u.width, op.most_steps, op.most_outputs));
  build.tape.record(&kernels::Operations<Real>::scan, op);
  return y;
}

template kernels::Rows<float> record_scan(Builder<float>&, kernels::Rows<float>, kernels::Rows<float>, kernels::Rows<float>, kernels::Rows<float>,
                                          kernels::Parameter<float>, kernels::Parameter<float>, kernels::Discretisation);
template kernels::Rows<double> record_scan(Builder<double>&, kernels::Rows<double>, kernels::Rows<double>, kernels::Rows<double>,
                                           kernels::Rows<double>, kernels::Parameter<double>, kernels::Parameter<double>, kernels::Discretisation);

}  // namespace phasegrid::worker
