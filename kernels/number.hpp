// Complex numbers, and functions of the same names for real ones, so that a formula written once serves real and complex states.
// V is a single number (on devices) or lanes of them (kernels/complex.hpp).
//
// Adjoints follow G = dL/dRe + i dL/dIm; through a holomorphic w = f(z) they go as G_z = conj(f'(z)) G_w.
#pragma once
#include "kernels/hd.hpp"

#if defined(__CUDACC__)
#define PHASEGRID_NUMBER __host__ __device__ __forceinline__
#else
#define PHASEGRID_NUMBER __attribute__((always_inline)) inline
#endif

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

template <class V>
struct Complex { V re, im; };

template <class V> PHASEGRID_NUMBER Complex<V> operator+(Complex<V> x, Complex<V> y) { return {x.re + y.re, x.im + y.im}; }
template <class V> PHASEGRID_NUMBER Complex<V> operator-(Complex<V> x, Complex<V> y) { return {x.re - y.re, x.im - y.im}; }
template <class V> PHASEGRID_NUMBER Complex<V> operator-(Complex<V> x) { return {-x.re, -x.im}; }
template <class V> PHASEGRID_NUMBER Complex<V> operator*(Complex<V> x, V y) { return {x.re * y, x.im * y}; }
template <class V> PHASEGRID_NUMBER Complex<V> operator*(Complex<V> x, Complex<V> y) {
  return {x.re * y.re - x.im * y.im, x.re * y.im + x.im * y.re};
}
template <class V> PHASEGRID_NUMBER Complex<V>& operator+=(Complex<V>& x, Complex<V> y) { return x = x + y; }

template <class V> PHASEGRID_NUMBER Complex<V> conj(Complex<V> x) { return {x.re, -x.im}; }
template <class V> PHASEGRID_NUMBER V conj(V x) { return x; }
template <class V> PHASEGRID_NUMBER V real_part(Complex<V> x) { return x.re; }
template <class V> PHASEGRID_NUMBER V real_part(V x) { return x; }
// Re(x y) and Re(conj(x) y).
template <class V> PHASEGRID_NUMBER V real_product(Complex<V> x, Complex<V> y) { return x.re * y.re - x.im * y.im; }
template <class V> PHASEGRID_NUMBER V real_product(V x, V y) { return x * y; }
template <class V> PHASEGRID_NUMBER V real_dot(Complex<V> x, Complex<V> y) { return x.re * y.re + x.im * y.im; }
template <class V> PHASEGRID_NUMBER V real_dot(V x, V y) { return x * y; }
template <class V> PHASEGRID_NUMBER Complex<V> inverse(Complex<V> x) {
  const V r = 1 / (x.re * x.re + x.im * x.im);
  return {x.re * r, -x.im * r};
}

// A number of either kind from a real one.
template <class Number> struct NumberKind {
  static constexpr int kParts = 1;
  static PHASEGRID_NUMBER Number from(Number re) { return re; }
};
template <class V> struct NumberKind<Complex<V>> {
  static constexpr int kParts = 2;
  static PHASEGRID_NUMBER Complex<V> from(V re) { return {re, V{}}; }
};

// The input's factor f and its derivatives (kernels/scan/math.hpp).
template <class Number> struct InputFactor { Number value, by_delta, by_A; };

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
