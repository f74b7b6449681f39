#include <gtest/gtest.h>

#include <map>

#include "tests/statistics.hpp"
#include "tests/tasks/support.hpp"

namespace phasegrid::tasks {
namespace {

TEST(SelectiveCopy, AsksForTheSymbolsInTheirOrder) {
  kernels::Random random(1, 0, 0);
  for (int trial = 0; trial < 2000; ++trial) {
    const int copies = 1 + random.below(12), T = 2 * copies + random.below(40), vocab = 3 + random.below(20);
    const auto task =
        make_task("selective_copy", {{"copies", double(copies)}, {"T", double(T)}, {"vocab", double(vocab)}});
    const Batch batch = draw(*task, 1, trial);
    const auto u = tokens_of(batch, 0);
    std::vector<std::int32_t> expected(T - copies, kUnscored);
    for (int t = 0; t < T - copies; ++t) {
      ASSERT_NE(u[t], vocab - 1) << "a mark among the noise";
      if (u[t] != 0) expected.push_back(u[t]);
    }
    for (int t = T - copies; t < T; ++t) ASSERT_EQ(u[t], vocab - 1);
    ASSERT_EQ(targets_of(batch, 0), expected);
  }
}

TEST(SelectiveCopy, ScattersSymbolsUniformly) {
  const auto task = make_task("selective_copy", {{"copies", 2.0}, {"T", 8.0}, {"vocab", 5.0}});
  const Batch batch = draw(*task, 40'000);
  std::map<std::vector<int>, std::int64_t> places;
  std::vector<std::int64_t> symbols(3);
  for (int b = 0; b < batch.sequences; ++b) {
    std::vector<int> where;
    for (int t = 0; t < 6; ++t) {
      if (const int symbol = tokens_of(batch, b)[t]) where.push_back(t), ++symbols[symbol - 1];
    }
    ++places[where];
  }
  ASSERT_EQ(places.size(), 15u);
  std::vector<std::int64_t> counts;
  for (const auto& [_, count] : places) counts.push_back(count);
  EXPECT_LT(testing_support::misfit(counts, std::vector<double>(15, 1.0)), testing_support::kChance);
  EXPECT_LT(testing_support::misfit(symbols, {1, 1, 1}), testing_support::kChance);
}

TEST(SelectiveCopy, SaysWhyACellIsImpossible) {
  EXPECT_EQ(misfit_of("selective_copy", {{"copies", 5.0}, {"T", 9.0}}),
            "T: every symbol comes once and is asked for once, 2 * copies <= T, but copies = 5 and T = 9");
  EXPECT_EQ(misfit_of("selective_copy", {{"vocab", 2.0}}),
            "vocab: noise, mark and one symbol need vocab >= 3, but vocab = 2");
}

}  // namespace
}  // namespace phasegrid::tasks
