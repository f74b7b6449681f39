#include <gtest/gtest.h>

#include "tests/tasks/support.hpp"

namespace phasegrid::tasks {
namespace {

// f(i) of the definition, positions counted from 1; 0 if undefined.
int hop(std::span<const std::int32_t> u, int i) {
  for (int j = i; j >= 2; --j) {
    if (u[j - 2] == u[i - 1]) return j;
  }
  return 0;
}

TEST(KHop, FollowsTheDefinition) {
  kernels::Random random(1, 0, 0);
  for (int trial = 0; trial < 2000; ++trial) {
    const int hops = 1 + random.below(5), T = 2 + random.below(50), vocab = 2 + random.below(10);
    const auto task = make_task("k_hop", {{"hops", double(hops)}, {"T", double(T)}, {"vocab", double(vocab)}});
    const Batch batch = draw(*task, 2, trial);
    for (int b = 0; b < 2; ++b) {
      const auto u = tokens_of(batch, b);
      std::vector<std::int32_t> expected(T, kUnscored);
      for (int t = 1; t <= T; ++t) {
        int at = t;
        for (int h = 0; h < hops && at > 0; ++h) at = hop(u, at);
        if (at > 0) expected[t - 1] = u[at - 1];
      }
      ASSERT_EQ(targets_of(batch, b), expected) << "hops = " << hops;
    }
  }
}

TEST(KHop, AgreesWithTheExampleInTheFileHead) {
  const std::vector<std::int32_t> u = {2, 1, 3, 2, 0, 3, 2, 3};
  EXPECT_EQ(u[hop(u, hop(u, 8)) - 1], 0);
  EXPECT_EQ(u[hop(u, hop(u, 6)) - 1], 1);
  EXPECT_EQ(hop(u, hop(u, 7)), 0);
}

TEST(KHop, SaysWhyACellIsImpossible) {
  EXPECT_EQ(misfit_of("k_hop", {{"T", 1.0}}), "T: a token and its follower need T >= 2, but T = 1");
}

}  // namespace
}  // namespace phasegrid::tasks
