#include "tasks/draw.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "tests/statistics.hpp"

namespace phasegrid::tasks {
namespace {

using kernels::Random;
using testing_support::kChance;
using testing_support::misfit;
using Draw = std::vector<std::uint32_t>;

// Calls f(draw) for every ordered choice of `count` numbers below n.
template <class F>
void every_ordered_choice(std::uint32_t n, std::size_t count, const F& f, Draw so_far = {}) {
  if (so_far.size() == count) return f(so_far);
  for (std::uint32_t i = 0; i < n; ++i) {
    if (std::find(so_far.begin(), so_far.end(), i) != so_far.end()) continue;
    Draw longer = so_far;
    longer.push_back(i);
    every_ordered_choice(n, count, f, longer);
  }
}

TEST(DrawDistinct, MakesEveryOrderedChoiceEquallyLikely) {
  std::map<Draw, std::int64_t> seen;
  every_ordered_choice(5, 3, [&](const Draw& draw) { seen[draw] = 0; });
  Random random(1, 0, 0);
  Draw draw(3);
  for (int i = 0; i < 60'000; ++i) draw_distinct(random, 5, draw), ++seen[draw];
  ASSERT_EQ(seen.size(), 60u) << "a choice with repeated or too large numbers came out";
  std::vector<std::int64_t> counts;
  for (const auto& [_, count] : seen) counts.push_back(count);
  EXPECT_LT(misfit(counts, std::vector<double>(60, 1.0)), kChance);
}

TEST(DrawDistinct, NeverRepeatsWhateverWasDrawnBefore) {
  Random sizes(2, 0, 0), random(3, 0, 0);
  for (int i = 0; i < 3000; ++i) {
    const std::uint32_t n = 1 + sizes.below(300);
    Draw draw(sizes.below(n + 1));
    draw_distinct(random, n, draw);
    const std::set<std::uint32_t> distinct(draw.begin(), draw.end());
    ASSERT_EQ(distinct.size(), draw.size());
    ASSERT_TRUE(draw.empty() || *distinct.rbegin() < n);
  }
}

TEST(DrawDistinct, DependsOnNothingButTheRandomNumbers) {
  Draw first(40), again(40), other(90);
  Random a(4, 0, 0), b(4, 0, 0), c(5, 0, 0);
  draw_distinct(a, 100, first);
  draw_distinct(c, 1000, other);
  draw_distinct(b, 100, again);
  EXPECT_EQ(first, again);
}

TEST(Shuffled, VisitsEveryNumberOnceInAnOrderOfTheKey) {
  for (const std::uint64_t n : {1, 2, 3, 4, 5, 16, 17, 100, 1000, 4097}) {
    std::set<std::uint64_t> seen;
    std::size_t same = 0;
    for (std::uint64_t i = 0; i < n; ++i) {
      const std::uint64_t place = shuffled(7, n, i);
      ASSERT_LT(place, n);
      seen.insert(place), same += place == shuffled(8, n, i);
    }
    EXPECT_EQ(seen.size(), n);
    EXPECT_LT(same, n < 100 ? n + 1 : 12) << "two orders have about one place in common";
  }
}

TEST(Shuffled, PutsEveryNumberAtEveryPlaceEquallyOften) {
  for (const std::uint64_t n : {3, 6, 20}) {
    std::vector<std::int64_t> counts(n * n);
    for (std::uint64_t key = 0; key < 20'000; ++key)
      for (std::uint64_t i = 0; i < n; ++i) ++counts[i * n + shuffled(key, n, i)];
    EXPECT_LT(misfit(counts, std::vector<double>(n * n, 1)), kChance) << n;
  }
}

TEST(Urn, FollowsTheLawOfSuccessiveSampling) {
  const std::vector<double> weights = {5, 1, 0.5, 2, 1.5};
  std::map<Draw, std::int64_t> seen;
  std::vector<double> probabilities;
  every_ordered_choice(5, 3, [&](const Draw& draw) {
    seen[draw] = 0;
    double probability = 1, left = 10;
    for (const auto i : draw) probability *= weights[i] / left, left -= weights[i];
    probabilities.push_back(probability);
  });
  const Urn urn(weights);
  Random random(6, 0, 0);
  Draw draw(3);
  for (int i = 0; i < 200'000; ++i) urn.draw(random, draw), ++seen[draw];
  ASSERT_EQ(seen.size(), 60u);
  std::vector<std::int64_t> counts;
  for (const auto& [_, count] : seen) counts.push_back(count);
  EXPECT_LT(misfit(counts, probabilities), kChance);
}

TEST(Urn, EmptiesCompletelyEvenWhenWeightsDifferByManyOrders) {
  std::vector<double> weights;
  for (int i = 0; i < 777; ++i) weights.push_back(std::pow(i + 1.0, -12));
  const Urn urn(weights);
  Random random(7, 0, 0);
  Draw draw(777);
  for (int i = 0; i < 200; ++i) {
    urn.draw(random, draw);
    Draw sorted = draw;
    std::sort(sorted.begin(), sorted.end());
    for (std::uint32_t k = 0; k < 777; ++k) ASSERT_EQ(sorted[k], k);
  }
}

}  // namespace
}  // namespace phasegrid::tasks
