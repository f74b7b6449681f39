// S4D, the diagonal state-space model (docs/theory.md, 1.2; arXiv 2206.11893). Its parameters do not depend on the input:
//
//   a = e^{delta A}    h_t = a h_{t-1} + f B u_t    y_t = 2 Re sum_n C[n] h_t[n] + skip u_t    (real states: no 2 Re)
//
//   u, y (T, D)   delta = e^{log_dt} (D), log-uniform in [1e-3, 1e-1]   A, B, C (modes, D)   f = (a - 1) / A   skip (D)
//   B starts at 1, C complex normal of variance 1, skip normal; A as in diagonal.cpp
//
// Two ways to compute it, chosen by the shape of the network alone: by the recurrence, whose work grows with positions x states, or by
// convolution with its impulse response, whose work grows with pairs of a read position and one before it.
#include <cmath>

#include "worker/models/mixers/mixers.hpp"

namespace phasegrid::worker {
std::function<double(kernels::Random&, int, int)> log_delta_start() {
  return [](kernels::Random& random, int, int) { return random.uniform(std::log(1e-3), std::log(1e-1)); };
}

template <class Real>
kernels::Rows<Real> s4d(Builder<Real>& build, const MixerInput<Real>& in) {
  const ModelSettings& model = build.model;
  const bool is_complex = model.s4d_complex;
  const int D = model.D, modes = is_complex ? model.N / 2 : model.N;
  const auto A = diagonal_start(model.s4d_init, modes, is_complex);
  const double deviation = model.init_scale * (is_complex ? std::sqrt(0.5) : 1);
  const auto complex = [&](ComplexInfo info) {
    info.rows = modes, info.columns = D, info.form = FilePlace::transposed, info.is_complex = is_complex;
    return complex_parameter(build, info);
  };

  kernels::S4dParameters<Real> p;
  p.discretisation = model.discretisation;
  p.log_dt = build.vector(build.prefix() + "log_dt", D, log_delta_start());
  const auto eigenvalues = complex({.real_name = "A_log", .re_name = "A_real_log", .im_name = "A_imag",
                                    .re = [A](kernels::Random&, int n, int) { return std::log(-A[static_cast<std::size_t>(n)].real()); },
                                    .im = [A](kernels::Random&, int n, int) { return A[static_cast<std::size_t>(n)].imag(); }, .decay = 0});
  const auto B = complex({.real_name = "B", .re_name = "B_real", .im_name = "B_imag", .re = constant(1), .im = constant(0), .decay = 0, .absent = 1});
  const auto C = complex({.real_name = "C", .re_name = "C_real", .im_name = "C_imag", .re = normal(deviation), .im = normal(deviation)});
  p.A_log = eigenvalues.re, p.A_imag = eigenvalues.im, p.B = B.re, p.B_imag = B.im, p.C = C.re, p.C_imag = C.im;
  const auto skip = build.vector(build.prefix() + "D", D, normal(model.init_scale));

  const LayoutShape& shape = build.layout.shape();
  if (kernels::s4d_convolves(build.layer + 1 == shape.layers ? shape.most_scored : shape.T, model.N)) {
    const auto K = build.tape.rows(build.tape.always(shape.T), shape.T, D);
    build.tape.record(&kernels::Operations<Real>::s4d_kernel, kernels::S4dKernel<Real>{.models = 0, .parameters = p, .K = K});
    return record_long_conv(build, in.u, K, skip);
  }
  const auto y = build.tape.rows(build.layout.outputs(build.layer), shape.outputs(build.layer), D);
  build.tape.record(&kernels::Operations<Real>::s4d,
                    kernels::S4d<Real>{.models = 0, .parameters = p, .u = in.u, .skip = skip, .walks = build.layout.walks(build.layer),
                                       .output_row = {build.layout.maps(build.layer).output_row.data()}, .y = y, .most_steps = shape.T,
                                       .scratch = build.tape.scratch(kernels::s4d_scratch(shape.T))});
  return y;
}

template kernels::Rows<float> s4d(Builder<float>&, const MixerInput<float>&);
template kernels::Rows<double> s4d(Builder<double>&, const MixerInput<double>&);

}  // namespace phasegrid::worker
