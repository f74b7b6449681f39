#include "results/analysis/logistic.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace phasegrid::results::analysis {
namespace {

// Five seeds at each whole octave from 2 to 64.
std::vector<Response> octaves(const std::vector<double>& successes) {
  std::vector<Response> data;
  for (std::size_t i = 0; i < successes.size(); ++i) data.push_back({static_cast<double>(i + 1), 5, successes[i]});
  return data;
}

double direct(const std::vector<Response>& data, double m, double s) {
  double sum = 0;
  for (const Response& r : data) {
    const double p = 1 / (1 + std::exp(-(r.at - m) / s));
    sum += r.successes * std::log(p) + (r.trials - r.successes) * std::log(1 - p);
  }
  return sum;
}

TEST(LogisticStep, LiesBetweenTheLastFailureAndTheFirstSuccess) {
  const auto data = octaves({0, 0, 0, 5, 5, 5});
  const Step step = fit_step(data);
  EXPECT_NEAR(step.m, 3.5, 1e-6);
  EXPECT_DOUBLE_EQ(step.s, kSteepest);
  const Interval interval = step_interval(data, step, 5);
  EXPECT_GT(interval.low, 2.7);
  EXPECT_LT(interval.low, 3.1);
  EXPECT_NEAR(interval.high - 3.5, 3.5 - interval.low, 1e-6);
}

TEST(LogisticStep, IsTheBestOfAGridOfTransitionsAndSlopes) {
  const auto data = octaves({0, 1, 2, 4, 4, 5});
  const Step step = fit_step(data);
  double best = -kInfinity;
  for (double m = 1; m <= 6; m += 0.01)
    for (double s = kSteepest; s <= kFlattest; s *= 1.02) best = std::max(best, direct(data, m, s));
  EXPECT_NEAR(step.log_likelihood, direct(data, step.m, step.s), 1e-9);
  EXPECT_GE(step.log_likelihood, best - 1e-9);
  EXPECT_NEAR(step.log_likelihood, best, 1e-2);
}

TEST(LogisticStep, HasAnIntervalWhoseEndsLieAtTheCut) {
  const auto data = octaves({0, 1, 2, 4, 4, 5});
  const Step step = fit_step(data);
  const Interval interval = step_interval(data, step, 5);
  for (const double end : {interval.low, interval.high})
    EXPECT_NEAR(2 * (step.log_likelihood - profile(data, end).log_likelihood), 5, 1e-6);
  EXPECT_LT(interval.low, step.m);
  EXPECT_GT(interval.high, step.m);
}

TEST(LogisticStep, IsOpenWhereEverySeedAgrees) {
  const auto solved = octaves({5, 5, 5}), failed = octaves({0, 0, 0});
  EXPECT_EQ(fit_step(solved).m, -kInfinity);
  EXPECT_EQ(fit_step(failed).m, kInfinity);
  const Interval below = step_interval(solved, fit_step(solved), 5), above = step_interval(failed, fit_step(failed), 5);
  EXPECT_EQ(below.low, -kInfinity);
  EXPECT_NEAR(below.high, 1, 0.15) << "the least tested value, and what the least slope allows";
  EXPECT_EQ(above.high, kInfinity);
  EXPECT_NEAR(above.low, 3, 0.15);
}

TEST(LogisticStep, IsAsFlatAsItMayBeWhereSuccessDoesNotDependOnTheAxis) {
  const Step step = fit_step(octaves({2, 3, 2, 3, 2, 3}));
  EXPECT_DOUBLE_EQ(step.s, kFlattest) << "by which a reader knows that this is no step";
  EXPECT_NEAR(step.m, 3.5, 0.2);
}

}  // namespace
}  // namespace phasegrid::results::analysis
