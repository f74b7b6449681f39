// Real or complex numbers of one thread: what kernels/complex.hpp is for lanes, with the same formulas, series and polynomials.
//
// Sine and cosine are ours because the library's keep an array for huge arguments, which costs every caller a stack frame.
#pragma once
#include <type_traits>

#include "kernels/device/access.hpp"
#include "kernels/number.hpp"
#include "kernels/scan/rules.hpp"
#include "kernels/scan/scan.hpp"

namespace phasegrid::kernels::cuda {

template <bool is_complex>
using NumberOf = std::conditional_t<is_complex, Complex<float>, float>;

// Numbers in memory with their parts in two places.
template <class N>
__device__ N load(const float* re, const float* im) {
  if constexpr (NumberKind<N>::kParts == 2) return {*re, *im};
  else return *re;
}
template <class N>
__device__ void store(float* re, float* im, N x) {
  if constexpr (NumberKind<N>::kParts == 2) *re = x.re, *im = x.im;
  else *re = x;
}

// x = k pi/2 + r, reduced in double, then polynomials for |r| <= pi/4 (coefficients of the Cephes library).
__device__ inline Complex<float> cos_and_sin(float x) {
  const double k = rint(static_cast<double>(x) * 0.63661977236758134308);
  const float r = static_cast<float>(static_cast<double>(x) - k * 1.57079632679489661923), z = r * r;
  const int quadrant = static_cast<int>(k);
  const float s = ((-1.9515295891e-4f * z + 8.3321608736e-3f) * z - 1.6666654611e-1f) * z * r + r;
  const float c = ((2.443315711809948e-5f * z - 1.388731625493765e-3f) * z + 4.166664568298827e-2f) * (z * z) -
                  0.5f * z + 1.0f;
  const float sin = quadrant & 1 ? c : s, cos = quadrant & 1 ? s : c;
  return {(quadrant + 1) & 2 ? -cos : cos, quadrant & 2 ? -sin : sin};
}
__device__ inline float exp_number(float z) { return expf(z); }
__device__ inline Complex<float> exp_number(Complex<float> z) { return cos_and_sin(z.im) * expf(z.re); }

// p(z) = (e^z - 1) / z and q(z) = (z e^z - e^z + 1) / z^2; a = e^z.
__device__ inline Complex<float> zoh_p(Complex<float> z, Complex<float> a) {
  Complex<float> series{1, 0};
  PHASEGRID_UNROLL
  for (int k = 9; k > 1; --k) series = z * series * (1 / static_cast<float>(k)), series.re += 1;
  return z.re * z.re + z.im * z.im < 0.25f ? series : Complex<float>{a.re - 1, a.im} * inverse(z);
}
__device__ inline Complex<float> zoh_q(Complex<float> z, Complex<float> a) {
  Complex<float> series{1, 0};
  PHASEGRID_UNROLL
  for (int k = 8; k > 0; --k)
    series = z * series * (static_cast<float>(k + 1) / static_cast<float>(k * (k + 2))), series.re += 1;
  Complex<float> direct = z * a - a;
  direct.re += 1;
  const Complex<float> r = inverse(z);
  return z.re * z.re + z.im * z.im < 0.25f ? series * 0.5f : direct * (r * r);
}

template <class N>
__device__ N input_value(Discretisation rule, float delta, N A, N a) {
  if (rule == Discretisation::zoh) return zoh_p(A * delta, a) * delta;
  return NumberKind<N>::from(rule == Discretisation::euler ? delta : 1.0f);
}
template <class N>
__device__ InputFactor<N> input_factor(Discretisation rule, float delta, N A, N a) {
  const auto from = [](float x) { return NumberKind<N>::from(x); };
  if (rule == Discretisation::euler) return {from(delta), from(1), from(0)};
  if (rule == Discretisation::none) return {from(1), from(0), from(0)};
  return {zoh_p(A * delta, a) * delta, a, zoh_q(A * delta, a) * (delta * delta)};
}

// m = 2^log2 equal steps: p = a^m, s = 1 + a + .. + a^{m-1}, r as in kernels/scan/tile.hpp (6).
template <class N>
struct RunOf {
  N p, s, r;
  float m;
  __device__ RunOf(N a, int log2_repeats)
      : p(a), s(NumberKind<N>::from(1.0f)), r(NumberKind<N>::from(0.0f)), m(1) {
    PHASEGRID_KEEP_LOOP
    for (int i = 0; i < log2_repeats; ++i) {
      const N next = NumberKind<N>::from(1.0f) + p;
      r = p * s * m + r * next, s = s * next, p = p * p, m *= 2;
    }
  }
};

}  // namespace phasegrid::kernels::cuda
