#include "tasks/noise.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/statistics.hpp"
#include "tests/tasks/support.hpp"

namespace phasegrid::tasks {
namespace {

class NoisyTask : public testing::TestWithParam<std::string> {};

TEST_P(NoisyTask, ReplacesUnscoredTokensOnlyAndLeavesLabelsAlone) {
  const auto clean = make_task(GetParam(), {}), noisy = make_task(GetParam(), {{"token_noise", 0.25}});
  const Batch before = draw(*clean, 2000), after = draw(*noisy, 2000);
  EXPECT_EQ(before.position, after.position);
  EXPECT_EQ(before.label, after.label);
  std::int64_t unscored = 0, changed = 0;
  for (int b = 0; b < 2000; ++b) {
    const auto targets = targets_of(before, b);
    for (int t = 0; t < before.T; ++t) {
      const bool differs = tokens_of(before, b)[t] != tokens_of(after, b)[t];
      ASSERT_TRUE(targets[t] == kUnscored || !differs) << "a scored token was replaced";
      unscored += targets[t] == kUnscored, changed += differs;
    }
  }
  const double expected = 0.25 * (1 - 1.0 / clean->vocab());
  EXPECT_LT(testing_support::misfit({changed, unscored - changed}, {expected, 1 - expected}), testing_support::kChance);
}

INSTANTIATE_TEST_SUITE_P(Table, NoisyTask, testing::ValuesIn([] {
                           std::vector<std::string> names;
                           for (const std::string& name : drawn_tasks())
                             if (make_task(name, {})->vocab() > 0) names.push_back(name);
                           return names;
                         }()),
                         [](const auto& instance) { return instance.param; });

class NoisyEmbedding : public testing::TestWithParam<std::string> {};

TEST_P(NoisyEmbedding, LeavesTheSequenceAloneAndGivesEachAKeyOfItsOwn) {
  const auto clean = make_task(GetParam(), {}), noisy = make_task(GetParam(), {{"embedding_noise", 0.25}});
  EXPECT_EQ(clean->embedding_noise(), 0);
  EXPECT_EQ(noisy->embedding_noise(), 0.25);
  EXPECT_EQ(noisy->ceiling(), clean->ceiling());
  const Batch before = draw(*clean, 300), after = draw(*noisy, 300), later = draw(*noisy, 100, 1, Stream::train, 200);
  EXPECT_EQ(before.tokens, after.tokens);
  EXPECT_EQ(before.inputs, after.inputs);
  EXPECT_EQ(before.label, after.label);
  EXPECT_EQ(before.values, after.values);
  EXPECT_EQ(std::set(after.noise_key.begin(), after.noise_key.end()).size(), 300u);
  EXPECT_TRUE(std::ranges::equal(later.noise_key, std::span(after.noise_key).subspan(200)));
  EXPECT_NE(draw(*noisy, 300, 1, Stream::test).noise_key, after.noise_key);
}

INSTANTIATE_TEST_SUITE_P(Table, NoisyEmbedding, testing::ValuesIn(drawn_tasks()),
                         [](const auto& instance) { return instance.param; });

// Where every replaced token is equally likely, believing what is seen is the best there is, and reaches the ceiling.
TEST(Noise, LetsABelieverReachTheCeilingOfKeepNth) {
  const auto task = make_task("keep_nth", {{"vocab", 4.0}, {"n", 3.0}, {"T", 8.0}, {"token_noise", 0.4}});
  EXPECT_DOUBLE_EQ(task->ceiling(), 1 - 0.4 * 0.75);
  const Batch batch = draw(*task, 40'000);
  std::int64_t right = 0;
  for (int b = 0; b < batch.sequences; ++b) right += tokens_of(batch, b)[2] == batch.label[b];
  const double p = task->ceiling();
  EXPECT_LT(testing_support::misfit({right, batch.sequences - right}, {p, 1 - p}), testing_support::kChance);
}

TEST(Noise, PutsACeilingOverMqarThatAnOracleOfTheRestReaches) {
  const std::vector<Setting> sizes = {{"kappa", 4.0}, {"nu", 6.0}, {"pairs", 4.0}, {"T", 16.0}};
  auto with_noise = sizes;
  with_noise.push_back({"token_noise", 0.3});
  const auto task = make_task("mqar", with_noise);
  const Batch clean = draw(*make_task("mqar", sizes), 20'000), noisy = draw(*task, 20'000);
  // The oracle is told which value was hit and all other values, and names the smallest value that is left.
  std::int64_t right = 0, asked = 0;
  kernels::Random random(1, 0, 0);
  for (int b = 0; b < clean.sequences; ++b) {
    const auto u = tokens_of(clean, b);
    for (int i = clean.first[b]; i < clean.first[b + 1]; ++i, ++asked) {
      if (random.uniform() >= 0.3) {
        ++right;
        continue;
      }
      int guess = 5;
      for (int pair = 0; pair < 4; ++pair) {
        for (int other = 0; other < 4; ++other) guess += u[2 * other + 1] == guess && guess != clean.label[i];
      }
      right += guess == clean.label[i];
    }
  }
  const double p = task->ceiling();
  EXPECT_DOUBLE_EQ(p, 1 - 0.3 * (1 - 1.0 / 3));
  EXPECT_LT(testing_support::misfit({right, asked - right}, {p, 1 - p}), testing_support::kChance);
}

}  // namespace
}  // namespace phasegrid::tasks
