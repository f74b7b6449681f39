// Optimiser steps of a pack on the device against the CPU, each model with settings of its own.
#include <gtest/gtest.h>

#include "tests/cuda_on_cpu/support.hpp"

namespace phasegrid::kernels::test {
namespace {

constexpr int M = 3, kSize = 9600;  // three pieces of |g|^2

TEST(CudaOptimiser, TakesTheStepsOfTheCpuForEveryMethod) {
  const std::vector<Segment> segments{{0, 208, 1, 1}, {208, 16, 0, 0}, {224, kSize - 224, 0.1, 0}};
  for (const Method method : {Method::adamw, Method::adam, Method::sgd}) {
    PackOf pack(M);
    const auto memory = cuda_memory(M);
    std::vector<Update<float>> here, there;
    for (int m = 0; m < M; ++m) {
      Update<float> u{.method = method,
                      .segments = segments.data(),
                      .count = 3,
                      .size = kSize,
                      .learning_rate = 0.01 * (m + 1),
                      .weight_decay = 0.1,
                      .clip = m == 1 ? 0.0 : 15.0};
      Update<float> device = u;
      for (float* Update<float>::*buffer :
           {&Update<float>::w, &Update<float>::g, &Update<float>::m, &Update<float>::v}) {
        u.*buffer = pack.parameter(1, kSize).values;
        if (buffer == &Update<float>::v)
          for (int i = 0; i < kSize; ++i) u.v[i] = std::fabs(u.v[i]);
        device.*buffer = memory->allocate_array<float>(kSize);
        memory->set(device.*buffer, u.*buffer, kSize * sizeof(float));
      }
      here.push_back(u), there.push_back(device);
    }
    for (std::int64_t step = 1; step <= 5; ++step) {
      for (int m = 0; m < M; ++m)
        here[static_cast<std::size_t>(m)].step = there[static_cast<std::size_t>(m)].step = step;
      for (const auto& u : here) operations<float>(cpu_kinds().back()).update(u);
      memory->update(there);
    }
    for (std::size_t m = 0; m < M; ++m) {
      std::vector<float> w(kSize);
      memory->get(w.data(), there[m].w, kSize * sizeof(float));
      for (std::size_t i = 0; i < kSize; ++i)
        ASSERT_NEAR(here[m].w[i], w[i], 1e-5) << "model " << m << ", weight " << i;
    }
  }
}

}  // namespace
}  // namespace phasegrid::kernels::test
