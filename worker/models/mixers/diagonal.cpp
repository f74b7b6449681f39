// What S4D, S4 and B2S6 share: how complex eigenvalues start (docs/theory.md, 1.5; arXiv 2206.11893), parameters in real and
// imaginary parts, and the long convolution as recorded on the tape.
//
// With n modes (N = 2n real states), mode k = 0 .. n - 1:
//   lin   -1/2 + i pi k        inv   -1/2 + i (N / pi) (N / (2k + 1) - 1)        real   -(k + 1)
//   legs  -1/2 + i omega_k, omega_k the positive eigenvalues of the normal part of HiPPO-LegS (N x N)
#include <algorithm>
#include <cmath>

#include "worker/models/mixers/hippo.hpp"
#include "worker/models/mixers/mixers.hpp"

namespace phasegrid::worker {
namespace {
constexpr double kPi = 3.14159265358979323846;
}

std::vector<std::complex<double>> diagonal_start(S4dInit kind, int modes, bool is_complex) {
  std::vector<std::complex<double>> A(static_cast<std::size_t>(modes));
  const HippoLegs legs = kind == S4dInit::legs && is_complex ? hippo_legs(modes) : HippoLegs{};
  for (int k = 0; k < modes; ++k) {
    auto& a = A[static_cast<std::size_t>(k)];
    const double N = 2.0 * modes;
    switch (kind) {
      case S4dInit::lin: a = {-0.5, kPi * k}; break;
      case S4dInit::inv: a = {-0.5, N / kPi * (N / (2 * k + 1) - 1)}; break;
      case S4dInit::real: a = -(k + 1.0); break;
      case S4dInit::legs: a = legs.eigenvalues.empty() ? std::complex<double>(-0.5) : legs.eigenvalues[static_cast<std::size_t>(k)]; break;
    }
  }
  return A;
}

template <class Real>
ComplexParameter<Real> complex_parameter(Builder<Real>& build, const ComplexInfo& info) {
  const auto part = [&](const std::string& name, const Start& start, double absent) {
    ParameterInfo p;
    p.name = build.prefix() + name, p.rows = info.rows, p.columns = info.columns, p.start = start, p.decay = info.decay;
    p.place.dataset = p.name, p.place.form = info.form, p.place.absent = absent;
    return build.parameter(std::move(p));
  };
  const bool optional = !std::isnan(info.absent);
  if (!info.is_complex) return {part(info.real_name, info.re, info.absent), {}};
  return {part(info.re_name, info.re, info.absent), part(info.im_name, info.im, optional ? 0 : info.absent)};
}

template <class Real>
kernels::Rows<Real> record_long_conv(Builder<Real>& build, kernels::Rows<Real> u, kernels::Rows<Real> K, kernels::Parameter<Real> skip) {
  const LayoutShape& shape = build.layout.shape();
  const int layer = build.layer;
  const auto y = build.tape.rows(build.layout.outputs(layer), shape.outputs(layer), u.columns);
  build.tape.record(&kernels::Operations<Real>::long_conv,
                    kernels::LongConv<Real>{.models = 0, .u = u, .K = K, .skip = skip, .walks = build.layout.walks(layer),
                                            .output_row = {build.layout.maps(layer).output_row.data()}, .y = y,
                                            .integers = build.tape.integers(2 * shape.T), .scratch = build.tape.scratch(kernels::long_conv_scratch(shape.T))});
  return y;
}

template ComplexParameter<float> complex_parameter(Builder<float>&, const ComplexInfo&);
template ComplexParameter<double> complex_parameter(Builder<double>&, const ComplexInfo&);
template kernels::Rows<float> record_long_conv(Builder<float>&, kernels::Rows<float>, kernels::Rows<float>, kernels::Parameter<float>);
template kernels::Rows<double> record_long_conv(Builder<double>&, kernels::Rows<double>, kernels::Rows<double>, kernels::Parameter<double>);

}  // namespace phasegrid::worker
