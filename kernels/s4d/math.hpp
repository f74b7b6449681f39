// One mode of S4D over kLanes channels: its coefficients (1) of s4d.hpp, and their adjoints into the parameters.
#pragma once
#include "kernels/complex.hpp"
#include "kernels/s4d/mode.hpp"
#include "kernels/s4d/s4d.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

template <class Real, class Number>
PHASEGRID_INLINE Number mode_number(const Parameter<Real>& re, const Parameter<Real>& im, int m, int n, int c) {
  const std::int64_t i = static_cast<std::int64_t>(n) * re.width + c;
  return load_parts<Real, Number>(re.value(m) + i, im ? im.value(m) + i : nullptr);
}
template <class Real, class Number>
PHASEGRID_INLINE void add_mode_gradient(const Parameter<Real>& re, const Parameter<Real>& im, int m, int n, int c, Number x) {
  const std::int64_t i = static_cast<std::int64_t>(n) * re.width + c;
  add_parts<Real, Number>(re.grad(m) + i, im ? im.grad(m) + i : nullptr, x);
}
template <class Real, class Number>
PHASEGRID_INLINE Number eigenvalue(const Parameter<Real>& A_log, const Parameter<Real>& A_imag, int m, int n, int c) {
  Number A = mode_number<Real, Number>(A_log, A_imag, m, n, c);
  if constexpr (NumberKind<Number>::kParts == 2) A.re = -exp_lanes(A.re);
  else A = -exp_lanes(A);
  return A;
}

template <class Real>
PHASEGRID_INLINE Vec<Real> s4d_delta(const S4dParameters<Real>& p, int m, int c) { return exp_lanes(at(p.log_dt.value(m) + c)); }

template <class Real, class Number>
PHASEGRID_INLINE S4dMode<Number> s4d_mode(const S4dParameters<Real>& p, Vec<Real> delta, int m, int n, int c) {
  S4dMode<Number> k;
  k.A = eigenvalue<Real, Number>(p.A_log, p.A_imag, m, n, c);
  k.B = mode_number<Real, Number>(p.B, p.B_imag, m, n, c), k.C = mode_number<Real, Number>(p.C, p.C_imag, m, n, c);
  k.a = exp_number(k.A * delta);
  k.b = input_factor(p.discretisation, delta, k.A, k.a).value * k.B;
  return k;
}

// Adds to the parameters' gradients, given those of C and b and g = conj(a) da.
template <class Real, class Number>
PHASEGRID_INLINE void s4d_pull_back(const S4dParameters<Real>& p, Vec<Real> delta, int m, int n, int c, const S4dMode<Number>& k, Number d_C,
                                    Number d_b, Number g) {
  const InputFactor<Number> f = input_factor(p.discretisation, delta, k.A, k.a);
  const S4dAdjoint<Vec<Real>, Number> d = s4d_adjoint(delta, k, f, d_b, g);
  at(p.log_dt.grad(m) + c) += d.log_dt;
  add_mode_gradient<Real, Number>(p.A_log, p.A_imag, m, n, c, d.A_log);
  add_mode_gradient<Real, Number>(p.B, p.B_imag, m, n, c, d.B);
  add_mode_gradient<Real, Number>(p.C, p.C_imag, m, n, c, d_C);
}

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
