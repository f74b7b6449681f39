#include <gtest/gtest.h>

#include "tests/statistics.hpp"
#include "tests/tasks/support.hpp"

namespace phasegrid::tasks {
namespace {

TEST(KeepNth, AsksForTheNthTokenAtTheEnd) {
  kernels::Random random(1, 0, 0);
  for (int trial = 0; trial < 1000; ++trial) {
    const int T = 1 + random.below(60), n = 1 + random.below(T), vocab = 2 + random.below(50);
    const auto task = make_task("keep_nth", {{"n", double(n)}, {"T", double(T)}, {"vocab", double(vocab)}});
    const Batch batch = draw(*task, 3, trial);
    for (int b = 0; b < 3; ++b) {
      std::vector<std::int32_t> expected(T, kUnscored);
      expected[T - 1] = tokens_of(batch, b)[n - 1];
      ASSERT_EQ(targets_of(batch, b), expected) << "n = " << n << ", T = " << T;
    }
  }
}

TEST(KeepNth, DrawsItsTokensUniformly) {
  const auto task = make_task("keep_nth", {{"vocab", 11.0}, {"T", 20.0}});
  const Batch batch = draw(*task, 5000);
  std::vector<std::int64_t> counts(11);
  for (const auto token : batch.tokens) ++counts[token];
  EXPECT_LT(testing_support::misfit(counts, std::vector<double>(11, 1.0)), testing_support::kChance);
}

TEST(KeepNth, SaysWhyACellIsImpossible) {
  EXPECT_EQ(misfit_of("keep_nth", {{"n", 20.0}, {"T", 20.0}}), "");
  EXPECT_EQ(misfit_of("keep_nth", {{"n", 21.0}, {"T", 20.0}}),
            "n: the token to keep must lie in the sequence, n <= T, but n = 21 and T = 20");
}

TEST(KeepNth, TellsBeforeFromAfter) {
  const auto task = make_task("keep_nth", {{"n", 2.0}, {"T", 4.0}});
  EXPECT_EQ(task->roles(draw(*task, 1), 0), (std::vector<std::string>{"before", "before", "after", "after"}));
}

}  // namespace
}  // namespace phasegrid::tasks
