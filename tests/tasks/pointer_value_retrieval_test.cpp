#include <gtest/gtest.h>

#include <algorithm>

#include "tests/tasks/support.hpp"

namespace phasegrid::tasks {
namespace {

// Reads pointer and values back from the tokens; majority by counting every value anew.
std::int32_t solve(std::span<const std::int32_t> u, int nu, int window, bool majority) {
  std::vector<int> values, pointed;
  int pointer = -1;
  for (const int token : u) token < nu ? values.push_back(token) : void(pointer = token - nu);
  for (int i = 0; i < window; ++i) pointed.push_back(values[(pointer + i) % int(values.size())]);
  if (!majority) {
    int sum = 0;
    for (const int value : pointed) sum += value;
    return sum % nu;
  }
  int best = 0;
  for (int value = 0; value < nu; ++value) {
    if (std::count(pointed.begin(), pointed.end(), value) > std::count(pointed.begin(), pointed.end(), best))
      best = value;
  }
  return best;
}

TEST(PointerValueRetrieval, ASolverThatFollowsThePointerAgrees) {
  kernels::Random random(1, 0, 0);
  for (int trial = 0; trial < 3000; ++trial) {
    const int T = 2 + random.below(40), nu = 1 + random.below(12), window = 1 + random.below(T - 1);
    const bool first = random.below(2), majority = random.below(2);
    const auto task = make_task("pointer_value_retrieval", {{"T", double(T)},
                                                            {"nu", double(nu)},
                                                            {"window", double(window)},
                                                            {"pointer", first ? "first" : "last"},
                                                            {"aggregate", majority ? "majority" : "sum"}});
    const Batch batch = draw(*task, 1, trial);
    const auto u = tokens_of(batch, 0);
    ASSERT_GE(u[first ? 0 : T - 1], nu);
    std::vector<std::int32_t> expected(T, kUnscored);
    expected[T - 1] = solve(u, nu, window, majority);
    ASSERT_EQ(targets_of(batch, 0), expected);
  }
}

TEST(PointerValueRetrieval, SaysWhyACellIsImpossible) {
  EXPECT_EQ(misfit_of("pointer_value_retrieval", {{"T", 8.0}, {"window", 8.0}}),
            "window: at most all values are aggregated, window <= T - 1, but window = 8 and T = 8");
  EXPECT_EQ(misfit_of("pointer_value_retrieval", {{"T", 1.0}}), "T: a pointer and a value need T >= 2, but T = 1");
}

}  // namespace
}  // namespace phasegrid::tasks
