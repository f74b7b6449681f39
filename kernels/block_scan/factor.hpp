// One step of the scan for one state: the decay a, the input's factor f and what f changes by, for z = delta A with Re A < 0.
//
//   zoh    f = (e^z - 1) / A = delta + A s     df/ddelta = a     df/dA = delta f - s      s = (e^z - 1 - z) / A^2        (1)
//   euler  f = delta                           1                 0
//   none   f = 1                               0                 0
//
// With z = x + iy everything follows from real functions that keep their digits near 0:
//   e^z - 1     = (e^x - 1) cos y + (cos y - 1)                        + i e^x sin y
//   e^z - 1 - z = (e^x - 1 - x) + (e^x - 1)(cos y - 1) + (cos y - 1)   + i ((e^x - 1) sin y + (sin y - y))              (2)
#pragma once
#include "kernels/complex.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

template <class V> struct Growth { V whole, less1, less2; };              // e^x, e^x - 1, e^x - 1 - x
template <class V> struct Turn { V sin, cos, sin_less, cos_less; };        // sin y, cos y, sin y - y, cos y - 1

// Taylor's series for |x| < 1/2: the first term left out is 1e-8 of the sum.
PHASEGRID_INLINE Growth<Vec<float>> growth(Vec<float> x) {
  const Vec<float> e = exp_lanes(x), square = x * x;
  const Vec<float> series = square * (0.5f + x * (1 / 6.0f + x * (1 / 24.0f + x * (1 / 120.0f + x * (1 / 720.0f + x * (1 / 5040.0f + x * (1 / 40320.0f)))))));
  const auto near = square < 0.25f;
  const Vec<float> less1 = near ? x + series : e - 1;
  return {e, less1, near ? series : less1 - x};
}
PHASEGRID_INLINE Growth<Vec<double>> growth(Vec<double> x) {
  Growth<Vec<double>> g;
  for (int i = 0; i < kLanes; ++i) g.whole[i] = std::exp(x[i]), g.less1[i] = std::expm1(x[i]);
  g.less2 = x * x < 1e-6 ? x * x * (0.5 + x * (1 / 6.0 + x * (1 / 24.0 + x * (1 / 120.0)))) : g.less1 - x;
  return g;
}

// y = k pi/2 + r with pi/2 in three pieces (Cody and Waite), polynomials for |r| <= pi/4 as in sincos_lanes(): absolute error below
// 1e-7 for |y| up to 8000.
PHASEGRID_INLINE Turn<Vec<float>> turn(Vec<float> y) {
  typedef std::int32_t Int __attribute__((vector_size(kLanes * 4)));
  const Vec<float> k = (y * 0.636619772f + 12582912.0f) - 12582912.0f;  // to nearest, by adding 1.5 * 2^23
  const Vec<float> r = ((y - k * 1.5703125f) - k * 4.837512969970703125e-4f) - k * 7.54978995489188e-8f, z = r * r;
  const Vec<float> sin_less = ((-1.9515295891e-4f * z + 8.3321608736e-3f) * z - 1.6666654611e-1f) * z * r;
  const Vec<float> cos_less = ((2.443315711809948e-5f * z - 1.388731625493765e-3f) * z + 4.166664568298827e-2f) * (z * z) - 0.5f * z;
  const Int quadrant = __builtin_convertvector(k, Int), odd = (quadrant & 1) != 0;
  const Vec<float> s = sin_less + r, c = cos_less + 1;
  const Vec<float> sin = (Vec<float>)((Int)(odd ? c : s) ^ ((quadrant & 2) << 30));
  const Vec<float> cos = (Vec<float>)((Int)(odd ? s : c) ^ (((quadrant + 1) & 2) << 30));
  return {sin, cos, quadrant == 0 ? sin_less : sin - y, quadrant == 0 ? cos_less : cos - 1};
}
PHASEGRID_INLINE Turn<Vec<double>> turn(Vec<double> y) {
  Turn<Vec<double>> t;
  for (int i = 0; i < kLanes; ++i) {
    const double half = std::sin(y[i] / 2);
    t.sin[i] = std::sin(y[i]), t.cos[i] = std::cos(y[i]), t.cos_less[i] = -2 * half * half;
  }
  t.sin_less = y * y < 1e-6 ? y * y * y * (-1 / 6.0 + y * y * (1 / 120.0)) : t.sin - y;
  return t;
}

// e^z, e^z - 1, e^z - 1 - z
template <class Number> struct Exponentials { Number whole, less1, less2; };
template <class V>
PHASEGRID_INLINE Exponentials<Complex<V>> exponentials(Complex<V> z) {
  const Growth<V> g = growth(z.re);
  const Turn<V> t = turn(z.im);
  const V im = g.whole * t.sin;
  return {{g.whole * t.cos, im},
          {g.less1 * t.cos + t.cos_less, im},
          {g.less2 + (g.less1 * t.cos_less + t.cos_less), g.less1 * t.sin + t.sin_less}};  // (2)
}
template <class V>
PHASEGRID_INLINE Exponentials<V> exponentials(V z) {
  const Growth<V> g = growth(z);
  return {g.whole, g.less1, g.less2};
}

template <class V> PHASEGRID_INLINE V inverse(V x) { return 1 / x; }

template <class Number> struct Factor { Number a, f, by_A; };
template <Discretisation rule, class V, class Number>
PHASEGRID_INLINE Factor<Number> factor(V delta, Number A, Number inverse_A) {
  using Kind = NumberKind<Number>;
  if constexpr (rule == Discretisation::zoh) {
    const Exponentials<Number> e = exponentials(A * delta);
    const Number f = e.less1 * inverse_A;
    return {e.whole, f, f * delta - e.less2 * inverse_A * inverse_A};  // (1)
  } else {
    const V f = rule == Discretisation::euler ? delta : V{} + 1;
    return {exp_number(A * delta), Kind::from(f), Kind::from(V{})};
  }
}
// Re(conj(df/ddelta) v)
template <Discretisation rule, class V, class Number>
PHASEGRID_INLINE V by_delta(Number a, Number v) {
  if constexpr (rule == Discretisation::zoh) return real_dot(a, v);
  else return rule == Discretisation::euler ? real_part(v) : V{};
}

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
