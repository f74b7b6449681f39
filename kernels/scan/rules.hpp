// The input factors of kernels/scan/math.hpp for one float on the device: the same formulas and series.
#pragma once
#include "kernels/device/access.hpp"

namespace phasegrid::kernels::cuda {

constexpr float kLog2e = 1.44269504088896341f, kLn2 = 0.693147180559945309f;

// 2^x for x <= 0, one instruction of the GPU: 2 ulp; below 2^-126 it is 0.
__device__ inline float exp2_flushed(float x) {
#if defined(CUDA_ON_CPU)
  return exp2f(x);
#else
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#endif
}

// (e^z - 1) / z and (z e^z - e^z + 1) / z^2, by their series where |z| < 1/2; a = e^z.
__device__ inline float zoh_p(float z, float a) {
  float series = 1;
  PHASEGRID_UNROLL
  for (int k = 15; k > 1; --k) series = 1 + z * series * (1 / static_cast<float>(k));
  return z * z < 0.25f ? series : (a - 1) / z;
}
__device__ inline float zoh_q(float z, float a) {
  float series = 1;
  PHASEGRID_UNROLL
  for (int k = 14; k > 0; --k) series = 1 + z * series * (static_cast<float>(k + 1) / static_cast<float>(k * (k + 2)));
  return z * z < 0.25f ? series / 2 : (z * a - a + 1) / (z * z);
}

// kPerState: f depends on n, so that sums over n cannot pull it out.
struct Euler {
  static constexpr bool kPerState = false;
  __device__ static float factor(float delta, float, float) { return delta; }
  __device__ static float by_delta(float) { return 1; }
  __device__ static float by_A(float, float, float) { return 0; }
};
struct None {
  static constexpr bool kPerState = false;
  __device__ static float factor(float, float, float) { return 1; }
  __device__ static float by_delta(float) { return 0; }
  __device__ static float by_A(float, float, float) { return 0; }
};
struct Zoh {
  static constexpr bool kPerState = true;
  __device__ static float factor(float delta, float A, float a) { return delta * zoh_p(delta * A, a); }
  __device__ static float by_delta(float a) { return a; }
  __device__ static float by_A(float delta, float A, float a) { return delta * delta * zoh_q(delta * A, a); }
};

}  // namespace phasegrid::kernels::cuda
