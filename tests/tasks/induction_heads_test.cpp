#include <gtest/gtest.h>

#include "tests/statistics.hpp"
#include "tests/tasks/support.hpp"

namespace phasegrid::tasks {
namespace {

// The definition, searched for backwards: what follows the last place before t that holds u_t.
std::int32_t follower(std::span<const std::int32_t> u, int t) {
  for (int j = t; j >= 1; --j) {
    if (u[j - 1] == u[t]) return u[j];
  }
  return kUnscored;
}

std::vector<Setting> settings(const std::string& form, int vocab, int T) {
  return {{"form", form}, {"vocab", double(vocab)}, {"T", double(T)}};
}

TEST(InductionHeads, GeneralAsksWheneverATokenCameBefore) {
  kernels::Random random(1, 0, 0);
  for (int trial = 0; trial < 2000; ++trial) {
    const int T = 2 + random.below(50), vocab = 2 + random.below(20);
    const Batch batch = draw(*make_task("induction_heads", settings("general", vocab, T)), 2, trial);
    for (int b = 0; b < 2; ++b) {
      std::vector<std::int32_t> expected;
      for (int t = 0; t < T; ++t) expected.push_back(follower(tokens_of(batch, b), t));
      ASSERT_EQ(targets_of(batch, b), expected);
    }
  }
}

TEST(InductionHeads, TheTriggerStandsTwiceAndAsksForItsFollower) {
  kernels::Random random(2, 0, 0);
  for (const std::string form : {"easy", "hard"}) {
    for (int trial = 0; trial < 1000; ++trial) {
      const int T = 3 + random.below(50), vocab = 2 + random.below(20);
      const auto task = make_task("induction_heads", settings(form, vocab, T));
      EXPECT_EQ(task->vocab(), vocab + 1);
      const Batch batch = draw(*task, 1, trial);
      const auto u = tokens_of(batch, 0);
      ASSERT_EQ(std::count(u.begin(), u.end(), vocab), 2);
      ASSERT_EQ(u[T - 1], vocab);
      if (form == "hard") { ASSERT_EQ(u[0], vocab); }
      std::vector<std::int32_t> expected(T, kUnscored);
      expected[T - 1] = follower(u, T - 1);
      ASSERT_EQ(targets_of(batch, 0), expected);
      ASSERT_LT(expected[T - 1], vocab) << "the follower is an ordinary token";
    }
  }
}

TEST(InductionHeads, EasyPutsTheTriggerAnywhereWithEqualChance) {
  const Batch batch = draw(*make_task("induction_heads", settings("easy", 5, 12)), 20'000);
  std::vector<std::int64_t> places(12);
  for (int b = 0; b < batch.sequences; ++b) {
    for (int t = 0; t < 11; ++t) places[t] += tokens_of(batch, b)[t] == 5;
  }
  EXPECT_EQ(places[10], 0) << "the answer must not be the question";
  places.resize(10);
  EXPECT_LT(testing_support::misfit(places, std::vector<double>(10, 1.0)), testing_support::kChance);
}

TEST(InductionHeads, RecencyOverwritesThePairBeforeALongGap) {
  kernels::Random random(3, 0, 0);
  for (int trial = 0; trial < 2000; ++trial) {
    const int gap = random.below(30), T = gap + 5 + random.below(10), vocab = 3 + random.below(20);
    auto chosen = settings("recency", vocab, T);
    chosen.push_back({"gap", double(gap)});
    const Batch batch = draw(*make_task("induction_heads", chosen), 1, trial);
    const auto u = tokens_of(batch, 0);
    std::vector<int> places;
    for (int t = 0; t < T; ++t) {
      if (u[t] == u[T - 1]) places.push_back(t);
    }
    ASSERT_EQ(places, (std::vector<int>{T - gap - 5, T - gap - 3, T - 1}));
    std::vector<std::int32_t> expected(T, kUnscored);
    expected[T - 1] = follower(u, T - 1);
    ASSERT_EQ(targets_of(batch, 0), expected);
    ASSERT_NE(u[places[0] + 1], expected[T - 1]) << "the older pair must give another answer";
  }
}

TEST(InductionHeads, SaysWhyACellIsImpossible) {
  EXPECT_EQ(misfit_of("induction_heads", settings("general", 2, 1)),
            "T: a token, its follower and the question need T >= 2, but T = 1");
  EXPECT_EQ(misfit_of("induction_heads", settings("hard", 2, 2)),
            "T: a token, its follower and the question need T >= 3, but T = 2");
  EXPECT_EQ(misfit_of("induction_heads", settings("recency", 2, 9)),
            "vocab: q, a and c differ, vocab >= 3, but vocab = 2");
  EXPECT_EQ(misfit_of("induction_heads", {{"form", "recency"}, {"gap", 5.0}, {"T", 9.0}}),
            "T: q a q c, the gap and q must fit in, gap + 5 <= T, but gap = 5 and T = 9");
}

}  // namespace
}  // namespace phasegrid::tasks
