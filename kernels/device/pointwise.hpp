// The pointwise functions of kernels/activation.hpp for one float on the device, with the accurate functions of the library.
// The formulas are written again because the CPU's are made of lanes and of polynomials chosen for its vectors.
#pragma once
#include "kernels/activation.hpp"
#include "kernels/device/access.hpp"

namespace phasegrid::kernels::cuda {

__device__ inline float sigmoid(float z) {
  const float e = expf(-fabsf(z)), s = 1 / (1 + e);  // e <= 1
  return z < 0 ? e * s : s;
}

__device__ inline Pointwise<float> activate(Activation kind, float z) {
  switch (kind) {
    case Activation::identity:
      return {z, 1};
    case Activation::relu:
      return {z > 0 ? z : 0, z > 0 ? 1.0f : 0.0f};
    case Activation::softplus:
      return {fmaxf(z, 0) + log1pf(expf(-fabsf(z))), sigmoid(z)};
    default:
      break;
  }
  if (kind == Activation::one_plus_tanh) {
    const float s = sigmoid(2 * z);
    return {2 * s, 4 * s * (1 - s)};
  }
  const float s = sigmoid(z), v = z * s;
  if (kind == Activation::sigmoid) return {s, s * (1 - s)};
  return {v, s + v * (1 - s)};  // silu
}

}  // namespace phasegrid::kernels::cuda
