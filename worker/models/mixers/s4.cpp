// S4, the structured state-space model: a state matrix that is diagonal plus rank one, HiPPO-LegS at the start
// (docs/theory.md, 1.2; arXiv 2111.00396). Its parameters do not depend on the input:
//
//   A = diag(L) - P Q^H     M = (I - delta/2 A)^{-1}     h_t = (2 M - I) h_{t-1} + delta M B u_t     y_t = 2 Re sum_n C[n] h_t[n] + skip u_t
//
//   u, y (T, D)   L, P, Q, B, C (modes, D)   delta = e^{log_dt}, skip (D)
//
// Computed by convolution with its impulse response; L, P = Q and B start as in hippo.hpp, the rest as in S4D.
#include <cmath>

#include "worker/models/mixers/hippo.hpp"
#include "worker/models/mixers/mixers.hpp"

namespace phasegrid::worker {
namespace {

Start real_parts(std::vector<std::complex<double>> z) {
  return [z](kernels::Random&, int n, int) { return z[static_cast<std::size_t>(n)].real(); };
}
Start imaginary_parts(std::vector<std::complex<double>> z) {
  return [z](kernels::Random&, int n, int) { return z[static_cast<std::size_t>(n)].imag(); };
}

}  // namespace

template <class Real>
kernels::Rows<Real> s4(Builder<Real>& build, const MixerInput<Real>& in) {
  const ModelSettings& model = build.model;
  const int D = model.D, modes = model.N / 2;
  const HippoLegs legs = hippo_legs(modes);
  const auto pair = [&](const std::string& re_name, const std::string& im_name, Start re, Start im, double decay) {
    return complex_parameter(build, {.rows = modes, .columns = D, .form = FilePlace::transposed, .real_name = {}, .re_name = re_name, .im_name = im_name,
                                     .re = std::move(re), .im = std::move(im), .decay = decay});
  };
  const auto deviation = model.init_scale * std::sqrt(0.5);
  const auto log_dt = build.vector(build.prefix() + "log_dt", D, log_delta_start());
  const auto L = pair("A_real_log", "A_imag", constant(std::log(0.5)), imaginary_parts(legs.eigenvalues), 0);
  const auto P = pair("P_real", "P_imag", real_parts(legs.P), imaginary_parts(legs.P), 0);
  const auto Q = pair("Q_real", "Q_imag", real_parts(legs.P), imaginary_parts(legs.P), 0);
  const auto B = pair("B_real", "B_imag", real_parts(legs.B), imaginary_parts(legs.B), 0);
  const auto C = pair("C_real", "C_imag", normal(deviation), normal(deviation), 1);
  const auto skip = build.vector(build.prefix() + "D", D, normal(model.init_scale));

  const int T = build.layout.shape().T;
  const auto K = build.tape.rows(build.tape.always(T), T, D);
  kernels::S4Kernel<Real> op{.models = 0, .log_dt = log_dt, .A_log = L.re, .A_imag = L.im, .P = P.re, .P_imag = P.im, .Q = Q.re, .Q_imag = Q.im,
                             .B = B.re, .B_imag = B.im, .C = C.re, .C_imag = C.im, .K = K};
  op.scratch = build.tape.scratch(kernels::s4_kernel_scratch(modes, T));
  build.tape.record(&kernels::Operations<Real>::s4_kernel, op);
  return record_long_conv(build, in.u, K, skip);
}

template kernels::Rows<float> s4(Builder<float>&, const MixerInput<float>&);
template kernels::Rows<double> s4(Builder<double>&, const MixerInput<double>&);

}  // namespace phasegrid::worker
