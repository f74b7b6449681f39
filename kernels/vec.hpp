// Lanes of float or double, written with GCC's vector extensions, and the few functions that need instructions of their own.
//
// kLanes numbers of either type: one register of float under AVX-512 (16), AVX2 (8) or SSE2 (4). The same loops run in float,
// for work, and in double, to check it. No fast-math: every sum has one fixed order.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>
#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#endif

#include "kernels/hd.hpp"

#define PHASEGRID_INLINE __attribute__((always_inline)) inline
#define PHASEGRID_LAMBDA __attribute__((always_inline))

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

#if defined(__AVX512F__)
constexpr int kLanes = 16, kStateBlock = 8;  // kStateBlock: states of one channel vector that fit in registers, twice
#elif defined(__AVX2__)
constexpr int kLanes = 8, kStateBlock = 4;
#else
constexpr int kLanes = 4, kStateBlock = 4;
#endif

template <class Real> struct VecOf;
template <> struct VecOf<float> { typedef float type __attribute__((vector_size(kLanes * 4))); };
template <> struct VecOf<double> { typedef double type __attribute__((vector_size(kLanes * 8))); };
template <class Real> using Vec = typename VecOf<Real>::type;

template <class Real> PHASEGRID_INLINE Vec<Real>& at(Real* p) { return *reinterpret_cast<Vec<Real>*>(p); }
template <class Real> PHASEGRID_INLINE const Vec<Real>& at(const Real* p) { return *reinterpret_cast<const Vec<Real>*>(p); }

// f(0), f(1), .., f(n-1) with constant arguments. Small arrays of vectors indexed by it become registers; with an ordinary loop
// GCC 12 unrolls too late for that and leaves the array in memory.
template <int n, class F>
PHASEGRID_INLINE void unrolled(F&& f) {
  [&]<int... i>(std::integer_sequence<int, i...>) __attribute__((always_inline)) { (f(std::integral_constant<int, i>()), ...); }
  (std::make_integer_sequence<int, n>());
}

template <class Real> PHASEGRID_INLINE Vec<Real> splat(Real x) { return x - Vec<Real>{}; }

constexpr double kLog2e = 1.4426950408889634;

// 2^t = 2^floor(t) 2^r; 2^r by a polynomial of degree 5 with relative error below 1e-7. Below -126 the result is at most 2^-126:
// nobody multiplies by it and looks. Arguments above 127 do not occur (softmax, decays and sigmoids are all of t <= 0;
// exp(A_log) stays far below).
PHASEGRID_INLINE Vec<float> exp2_lanes(Vec<float> t) {
#if defined(__AVX512DQ__)
  const Vec<float> r = (Vec<float>)_mm512_reduce_ps((__m512)t, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
  const Vec<float> p = 1.0f + r * (0.693151312f + r * (0.24016445f + r * (0.0557999141f + r * (0.00901702896f + r * 0.0018671307f))));
  return (Vec<float>)_mm512_scalef_ps((__m512)p, (__m512)t);
#else
  typedef std::int32_t Int __attribute__((vector_size(kLanes * 4)));
  const Vec<float> least = splat(-126.0f), low = t < least ? least : t;
  const Vec<float> m = low + 12582912.0f, r = low - (m - 12582912.0f);  // to nearest, by adding 1.5 * 2^23
  const Vec<float> p = 1.0f + r * (0.693146978f + r * (0.240222421f + r * (0.0555073375f + r * (0.00967151286f + r * 0.00132647271f))));
  return (Vec<float>)((Int)p + ((Int)m << 23));
#endif
}
PHASEGRID_INLINE Vec<double> exp2_lanes(Vec<double> t) {
  for (int i = 0; i < kLanes; ++i) t[i] = std::exp2(t[i]);
  return t;
}
template <class V, class Real = std::remove_reference_t<decltype(V{}[0])>>
PHASEGRID_INLINE V exp_lanes(V x) { return exp2_lanes(x * Real(kLog2e)); }

// 1/x for x in [1, 8].
PHASEGRID_INLINE Vec<float> reciprocal(Vec<float> x) {
#if defined(__AVX512F__)
  const Vec<float> r = (Vec<float>)_mm512_rcp14_ps((__m512)x);  // 14 bits, and one Newton step: a third of a division's cost
  return r + r * (1 - x * r);
#else
  return 1 / x;
#endif
}
PHASEGRID_INLINE Vec<double> reciprocal(Vec<double> x) { return 1 / x; }

template <class Real>
PHASEGRID_INLINE Real sum_lanes(Vec<Real> v) {
  Real s = 0;
  for (int i = 0; i < kLanes; ++i) s += v[i];
  return s;
}
template <class Real>
PHASEGRID_INLINE Real max_lanes(Vec<Real> v) {
  Real s = v[0];
  for (int i = 1; i < kLanes; ++i) s = v[i] > s ? v[i] : s;
  return s;
}
#if !defined(__CUDACC__)   // its front end does not know the builtin, and no device code needs it
// Lanes 2i and 2i + 1 added, those of x into the low half of the result, those of y into the high half.
template <class Real, int... i>
PHASEGRID_INLINE Vec<Real> add_pairs(Vec<Real> x, Vec<Real> y, std::integer_sequence<int, i...>) {
  return __builtin_shufflevector(x, y, 2 * i...) + __builtin_shufflevector(x, y, 2 * i + 1 ...);
}
// out[i] = the sum over the lanes of v[i], i < kLanes: a transposing sum, 2 (kLanes - 1) shuffles for kLanes^2 numbers.
template <class Real>
PHASEGRID_INLINE Vec<Real> sum_all_lanes(const Vec<Real>* v) {
  Vec<Real> a[kLanes];
  unrolled<kLanes>([&](auto i) PHASEGRID_LAMBDA { a[i] = v[i]; });
  unrolled<4>([&](auto level) PHASEGRID_LAMBDA {
    constexpr int n = kLanes >> (level + 1);
    unrolled<n>([&](auto i) PHASEGRID_LAMBDA { a[i] = add_pairs<Real>(a[2 * i], a[2 * i + 1], std::make_integer_sequence<int, kLanes>()); });
  });
  return a[0];
}
#endif
}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
