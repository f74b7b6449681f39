// Pointwise functions and their derivatives, for every value type: float, double, lanes of them, and on the device.
//
//   silu(z) = z sigma(z)    silu' = sigma (1 + z (1 - sigma))       softplus(z) = max(z, 0) + log(1 + e^-|z|)    softplus' = sigma
// Step sizes may also be sigma(z), 1 + tanh z = 2 sigma(2z), or max(z, 0) (docs/theory.md, 1.4).
#pragma once
#include "kernels/vec.hpp"

namespace phasegrid::kernels {

enum class Activation : std::int32_t { identity, silu, relu, softplus, sigmoid, one_plus_tanh };

inline namespace PHASEGRID_ISA {

template <class V> struct Pointwise { V value, derivative; };

template <class V>
PHASEGRID_INLINE V sigmoid_lanes(V x) {
  const V e = exp_lanes(x < 0 ? x : -x), s = reciprocal(1 + e);  // e^{-|x|} <= 1
  return x < 0 ? e * s : s;
}

// log1p(e) = 2 atanh(s), s = e / (2 + e) in (0, 1/3]. One division serves both results.
PHASEGRID_INLINE Pointwise<Vec<float>> softplus_lanes(Vec<float> z) {
  const Vec<float> e = exp_lanes(z < 0 ? z : -z), inv = reciprocal((1 + e) * (2 + e)), s = e * (1 + e) * inv, s2 = s * s;
  const Vec<float> one = (2 + e) * inv;
  return {(z < 0 ? Vec<float>{} : z) + s * (2.0f + s2 * (0.66666416f + s2 * (0.40021527f + s2 * (0.28001804f + s2 * 0.28011995f)))),
          z < 0 ? e * one : one};
}
PHASEGRID_INLINE Pointwise<Vec<double>> softplus_lanes(Vec<double> z) {
  Pointwise<Vec<double>> r{z, sigmoid_lanes(z)};
  for (int i = 0; i < kLanes; ++i) r.value[i] = (z[i] > 0 ? z[i] : 0) + std::log1p(std::exp(-std::fabs(z[i])));
  return r;
}

template <class V>
PHASEGRID_INLINE Pointwise<V> activate(Activation kind, V z) {
  switch (kind) {
    case Activation::identity: return {z, V{} + 1};
    case Activation::silu: {
      const V s = sigmoid_lanes(z), v = z * s;
      return {v, s + v * (1 - s)};
    }
    case Activation::relu: return {z > 0 ? z : V{}, z > 0 ? V{} + 1 : V{}};
    case Activation::softplus: return softplus_lanes(z);
    case Activation::sigmoid: {
      const V s = sigmoid_lanes(z);
      return {s, s * (1 - s)};
    }
    case Activation::one_plus_tanh: {
      const V s = sigmoid_lanes(V(2 * z));
      return {2 * s, 4 * s * (1 - s)};
    }
  }
  __builtin_unreachable();
}

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
