// Complex numbers in lanes, and the functions of docs/theory.md, 1.2 that complex states need. The same names work on plain
// lanes, so that a loop written once serves real and complex states.
#pragma once
#include "kernels/number.hpp"
#include "kernels/scan/math.hpp"
#include "kernels/scan/scan.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

template <class V> PHASEGRID_INLINE Complex<V> select(decltype(V{} < V{}) where, Complex<V> x, Complex<V> y) {
  return {where ? x.re : y.re, where ? x.im : y.im};
}

// Kinds of lanes by name.
template <class Real, bool is_complex> using Number = std::conditional_t<is_complex, Complex<Vec<Real>>, Vec<Real>>;

// Numbers in memory: the real parts of kLanes numbers, then their imaginary parts.
template <class Real, class Number>
PHASEGRID_INLINE Number load_packed(const Real* p) {
  if constexpr (NumberKind<Number>::kParts == 2) return {at(p), at(p + kLanes)};
  else return at(p);
}
template <class Real, class Number>
PHASEGRID_INLINE void store_packed(Real* p, Number x) {
  if constexpr (NumberKind<Number>::kParts == 2) at(p) = x.re, at(p + kLanes) = x.im;
  else at(p) = x;
}
// ... and with the parts in two places.
template <class Real, class Number>
PHASEGRID_INLINE Number load_parts(const Real* re, const Real* im) {
  if constexpr (NumberKind<Number>::kParts == 2) return {at(re), at(im)};
  else return at(re);
}
template <class Real, class Number>
PHASEGRID_INLINE void add_parts(Real* re, Real* im, Number x) {
  if constexpr (NumberKind<Number>::kParts == 2) at(re) += x.re, at(im) += x.im;
  else at(re) += x;
}

template <class V> struct SinCos { V sin, cos; };

// x = k pi/2 + r, reduced in double, then polynomials for |r| <= pi/4 (coefficients of the Cephes library): absolute error below
// 1e-7 for |x| up to 1e6.
PHASEGRID_INLINE SinCos<Vec<float>> sincos_lanes(Vec<float> x) {
  typedef std::int32_t Int __attribute__((vector_size(kLanes * 4)));
  const Vec<double> wide = __builtin_convertvector(x, Vec<double>), t = wide * 0.63661977236758134308;
  const Vec<double> k = (t + 6755399441055744.0) - 6755399441055744.0;  // to nearest, by adding 1.5 * 2^52
  const Vec<float> r = __builtin_convertvector(Vec<double>(wide - k * 1.57079632679489661923), Vec<float>), z = r * r;
  const Int quadrant = __builtin_convertvector(k, Int);
  const Vec<float> s = ((-1.9515295891e-4f * z + 8.3321608736e-3f) * z - 1.6666654611e-1f) * z * r + r;
  const Vec<float> c = ((2.443315711809948e-5f * z - 1.388731625493765e-3f) * z + 4.166664568298827e-2f) * (z * z) - 0.5f * z + 1.0f;
  const Int odd = (quadrant & 1) != 0, sin_negative = (quadrant & 2) != 0, cos_negative = ((quadrant + 1) & 2) != 0;
  const Vec<float> sin = odd ? c : s, cos = odd ? s : c;
  return {sin_negative ? -sin : sin, cos_negative ? -cos : cos};
}
PHASEGRID_INLINE SinCos<Vec<double>> sincos_lanes(Vec<double> x) {
  SinCos<Vec<double>> r;
  for (int i = 0; i < kLanes; ++i) r.sin[i] = std::sin(x[i]), r.cos[i] = std::cos(x[i]);
  return r;
}

template <class V>
PHASEGRID_INLINE Complex<V> exp_number(Complex<V> z) {
  const V e = exp_lanes(z.re);
  const SinCos<V> t = sincos_lanes(z.im);
  return {e * t.cos, e * t.sin};
}
template <class V> PHASEGRID_INLINE V exp_number(V z) { return exp_lanes(z); }

// p(z) = (e^z - 1) / z and q(z) = (z e^z - e^z + 1) / z^2 as in kernels/scan/math.hpp; series for |z| < 1/2, where the last
// term left out is below 1e-8 (float) or 1e-16 (double) of the first.
template <class V>
PHASEGRID_INLINE Complex<V> zoh_p(Complex<V> z, Complex<V> a) {
  using Real = std::remove_reference_t<decltype(z.re[0])>;
  constexpr int terms = sizeof(Real) == 4 ? 8 : 14;
  const V one = V{} + 1;
  Complex<V> series{one, V{}};
  unrolled<terms>([&](auto i) PHASEGRID_LAMBDA {
    series = z * series * splat(1 / Real(terms + 1 - i));
    series.re += one;
  });
  const V square = z.re * z.re + z.im * z.im;
  return select<V>(square < Real(0.25), series, Complex<V>{a.re - 1, a.im} * inverse(z));
}
template <class V>
PHASEGRID_INLINE Complex<V> zoh_q(Complex<V> z, Complex<V> a) {
  using Real = std::remove_reference_t<decltype(z.re[0])>;
  constexpr int terms = sizeof(Real) == 4 ? 8 : 14;
  const V one = V{} + 1;
  Complex<V> series{one, V{}};
  unrolled<terms>([&](auto i) PHASEGRID_LAMBDA {
    constexpr int k = terms - i;
    series = z * series * splat(Real(k + 1) / Real(k * (k + 2)));
    series.re += one;
  });
  const V square = z.re * z.re + z.im * z.im;
  Complex<V> direct = z * a - a;
  direct.re += one;
  const Complex<V> r = inverse(z);
  return select<V>(square < Real(0.25), series * splat(Real(0.5)), direct * (r * r));
}

// The input's factor f and its derivatives, for numbers of either kind (kernels/scan/math.hpp), with the rule chosen at run time.
template <class V, class Number>
PHASEGRID_INLINE InputFactor<Number> input_factor(Discretisation rule, V delta, Number A, Number a) {
  using Kind = NumberKind<Number>;
  switch (rule) {
    case Discretisation::euler: return {Kind::from(delta), Kind::from(V{} + 1), Kind::from(V{})};
    case Discretisation::none: return {Kind::from(V{} + 1), Kind::from(V{}), Kind::from(V{})};
    case Discretisation::zoh: return {zoh_p(A * delta, a) * delta, a, zoh_q(A * delta, a) * (delta * delta)};
  }
  __builtin_unreachable();
}

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
