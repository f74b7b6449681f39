// LISTOPS against a parser that shares nothing with the generator.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/statistics.hpp"
#include "tests/tasks/support.hpp"

namespace phasegrid::tasks {
namespace {

struct Parsed {
  int value, end, levels, most_args;
};

Parsed parse(std::span<const std::int32_t> u, int at) {
  if (u[at] < 10) return {u[at], at + 1, 1, 0};
  EXPECT_TRUE(10 <= u[at] && u[at] <= 13) << "an expression begins with a digit or an opener, not with token " << u[at];
  const int opener = u[at++];
  std::vector<int> values;
  int levels = 0, most_args = 0;
  while (u[at] != 14) {
    const Parsed argument = parse(u, at);
    values.push_back(argument.value), at = argument.end;
    levels = std::max(levels, argument.levels), most_args = std::max(most_args, argument.most_args);
  }
  EXPECT_GE(values.size(), 2u);
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  int value = 0;
  if (opener == 10) value = values.front();
  if (opener == 11) value = values.back();
  if (opener == 12) value = (values[(n - 1) / 2] + values[n / 2]) / 2;
  if (opener == 13)
    for (const int v : values) value = (value + v) % 10;
  return {value, at + 1, levels + 1, std::max(most_args, int(n))};
}

TEST(ListOps, AParserFindsTheLabelAndEveryLimitKept) {
  kernels::Random random(1, 0, 0);
  for (int trial = 0; trial < 3000; ++trial) {
    const int depth = 2 + random.below(6), args = 2 + random.below(9), T = 16 + random.below(120);
    const auto task = make_task("listops", {{"depth", double(depth)}, {"args", double(args)}, {"T", double(T)}});
    const Batch batch = draw(*task, 1, trial);
    const auto u = tokens_of(batch, 0);
    const int begin = int(std::find_if(u.begin(), u.end(), [](int token) { return token != 15; }) - u.begin());
    ASSERT_LT(begin, T);
    const Parsed parsed = parse(u, begin);
    ASSERT_EQ(parsed.end, T) << "the expression ends where the sequence ends";
    EXPECT_LE(parsed.levels, depth);
    EXPECT_LE(parsed.most_args, args);
    std::vector<std::int32_t> expected(T, kUnscored);
    expected[T - 1] = parsed.value;
    ASSERT_EQ(targets_of(batch, 0), expected);
  }
}

int length_of(std::span<const std::int32_t> u) { return int(u.size() - std::count(u.begin(), u.end(), 15)); }

TEST(ListOps, KeepsItsLengthsAndFallsBackToTheLongestWhenTheyAreTooRare) {
  const auto task = make_task("listops", {{"depth", 10.0}, {"args", 10.0}, {"min_length", 100.0}, {"T", 300.0}});
  const Batch batch = draw(*task, 100);
  for (int b = 0; b < 100; ++b) EXPECT_GE(length_of(tokens_of(batch, b)), 100);
  // 2 + 10 * 12 tokens need ten arguments everywhere: one in 9^11 4^10 expressions.
  const auto rare = make_task("listops", {{"depth", 3.0}, {"args", 10.0}, {"min_length", 122.0}, {"T", 200.0}});
  const Batch long_ones = draw(*rare, 3);
  for (int b = 0; b < 3; ++b) EXPECT_GT(length_of(tokens_of(long_ones, b)), 40);
}

// depth = 3, args = 2: the root has two arguments, each an operator on two digits with probability 1/4.
TEST(ListOps, FollowsTheLawOfItsGenerator) {
  const Batch batch = draw(*make_task("listops", {{"depth", 3.0}, {"args", 2.0}, {"T", 10.0}}), 40'000);
  std::vector<std::int64_t> lengths(3), openers(4), digits(10);
  for (int b = 0; b < batch.sequences; ++b) {
    const auto u = tokens_of(batch, b);
    const int length = length_of(u);
    ++lengths[(length - 4) / 3];
    ++openers[u[10 - length] - 10];
    for (const int token : u) {
      if (token < 10) ++digits[token];
    }
  }
  EXPECT_LT(testing_support::misfit(lengths, {9, 6, 1}), testing_support::kChance);
  EXPECT_LT(testing_support::misfit(openers, {1, 1, 1, 1}), testing_support::kChance);
  EXPECT_LT(testing_support::misfit(digits, std::vector<double>(10, 1.0)), testing_support::kChance);
}

TEST(ListOps, SaysWhyACellIsImpossible) {
  EXPECT_EQ(misfit_of("listops", {{"min_length", 65.0}}),
            "min_length: expressions must fit in, min_length <= T, but min_length = 65 and T = 64");
  EXPECT_EQ(misfit_of("listops", {{"T", 3.0}}),
            "min_length: expressions must fit in, min_length <= T, but min_length = 4 and T = 3");
  EXPECT_EQ(misfit_of("listops", {{"depth", 2.0}, {"args", 3.0}, {"min_length", 6.0}}),
            "min_length: no expression with depth = 2 and args = 3 is longer than 5, but min_length = 6");
}

}  // namespace
}  // namespace phasegrid::tasks
