// One mode of S4D, for a channel or for lanes of channels: the adjoints of its coefficients, (1) of s4d.hpp (docs/theory.md, 1.4).
//
//   g = conj(a) da:   dA = delta g + conj(B df/dA) db     d delta = Re sum_n [conj(A) g + conj(B df/d delta) db]
//   dB = conj(f) db   d log_dt = delta d delta             d A_log = Re(A) Re(dA)     d A_imag = Im(dA)
#pragma once
#include "kernels/number.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

template <class Number>
struct S4dMode { Number A, B, C, a, b; };

// (d A_log, d A_imag) from dA.
template <class V>
PHASEGRID_NUMBER Complex<V> eigenvalue_gradient(Complex<V> A, Complex<V> d_A) { return {A.re * d_A.re, d_A.im}; }
template <class V>
PHASEGRID_NUMBER V eigenvalue_gradient(V A, V d_A) { return A * d_A; }

template <class V, class Number>
struct S4dAdjoint { V log_dt; Number A_log, B; };

template <class V, class Number>
PHASEGRID_NUMBER S4dAdjoint<V, Number> s4d_adjoint(V delta, const S4dMode<Number>& k, const InputFactor<Number>& f, Number d_b, Number g) {
  const Number d_A = g * delta + conj(k.B * f.by_A) * d_b;
  return {delta * (real_dot(k.A, g) + real_dot(k.B * f.by_delta, d_b)), eigenvalue_gradient(k.A, d_A), conj(f.value) * d_b};
}

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
