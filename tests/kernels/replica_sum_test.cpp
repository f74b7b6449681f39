// The sum over replicas: in order, in double, of every instruction set.
#include "kernels/replica_sum/replica_sum.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "kernels/operations.hpp"
#include "kernels/random.hpp"

namespace phasegrid::kernels {
namespace {

constexpr std::int64_t kStride = 1600, kSize = 1571;  // no multiple of a block or a vector

std::vector<float> parts(int count) {
  std::vector<float> numbers(static_cast<std::size_t>(kStride * count));
  Random random(3, 1, 0);
  for (float& number : numbers) number = static_cast<float>(random.normal()) * (random.uniform() < 0.1 ? 1e6f : 1.0f);
  return numbers;
}

TEST(ReplicaSum, AddsReplicaByReplicaInDoubleAndRoundsOnce) {
  for (const auto kind : cpu_kinds())
    for (const int count : {1, 2, 3, 7}) {
      const auto all = parts(count);
      std::vector<float> sum(kStride, -1);
      operations<float>(kind).replica_sum({.parts = all.data(), .stride = kStride, .count = count, .scale = 0.3, .sum = sum.data(), .size = kSize});
      for (std::int64_t i = 0; i < kSize; ++i) {
        double wanted = 0;
        for (int r = 0; r < count; ++r) wanted += static_cast<double>(all[static_cast<std::size_t>(r * kStride + i)]);
        ASSERT_EQ(sum[static_cast<std::size_t>(i)], static_cast<float>(0.3 * wanted)) << kind << ", " << count << " replicas, number " << i;
      }
      EXPECT_EQ(sum[kSize], -1) << "wrote behind the end";
    }
}

TEST(ReplicaSum, ScalesInPlace) {
  auto numbers = parts(1);
  const auto before = numbers;
  operations<float>(cpu_kinds().back()).replica_sum({.parts = numbers.data(), .scale = 0.25, .sum = numbers.data(), .size = kSize});
  for (std::size_t i = 0; i < kSize; ++i) ASSERT_EQ(numbers[i], 0.25f * before[i]);
}

}  // namespace
}  // namespace phasegrid::kernels
