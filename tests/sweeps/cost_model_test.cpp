#include "sweeps/cost_model.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <queue>
#include <random>
#include <vector>

namespace phasegrid::sweeps {
namespace {

// One job after the other, each to the worker that is free first.
double one_by_one(const Jobs& jobs, int workers) {
  std::priority_queue<double, std::vector<double>, std::greater<>> free_at;
  for (int i = 0; i < workers; ++i) free_at.push(0);
  double last = 0;
  for (const auto& [seconds, count] : jobs) {
    for (std::uint64_t i = 0; i < count; ++i) {
      const double done = free_at.top() + seconds;
      free_at.pop(), free_at.push(done);
      last = std::max(last, done);
    }
  }
  return last;
}

TEST(Makespan, DealsOutTheLongestFirst) {
  EXPECT_EQ(makespan({{5, 1}, {4, 1}, {3, 3}}, 2), 10);  // 5 + 3, 4 + 3 + 3
  EXPECT_EQ(makespan({{5, 1}, {1, 2}}, 8), 5);
  EXPECT_EQ(makespan({}, 3), 0);
  EXPECT_EQ(makespan({{2, 7}}, 1), 14);
  EXPECT_EQ(makespan({{0, 1000}}, 2), 0);
}

TEST(Makespan, InRoundsIsTheSameAsOneByOne) {
  std::mt19937 random(1);
  for (int trial = 0; trial < 300; ++trial) {
    Jobs jobs;
    const int kinds = 1 + static_cast<int>(random() % 6), workers = 1 + static_cast<int>(random() % 9);
    for (int i = 0; i < kinds; ++i) jobs[0.25 * static_cast<double>(1 + random() % 40)] += random() % 30;
    EXPECT_EQ(makespan(jobs, workers), one_by_one(jobs, workers)) << trial;
  }
}

TEST(Makespan, LiesBetweenItsBounds) {
  Jobs jobs;
  for (int i = 1; i <= 1000; ++i) jobs[0.001 * i] = 1000;  // a million cells
  const double total = total_seconds(jobs);
  EXPECT_NEAR(total, 500'500, 1e-3);
  EXPECT_GE(makespan(jobs, 128), total / 128);
  EXPECT_LE(makespan(jobs, 128), total / 128 + 1);
}

TEST(CostModel, AddsWhatTakesTime) {
  Cost cost;
  cost.flops = 2e9, cost.exponentials = 3e9, cost.positions = 4e6, cost.steps = 1000;
  EXPECT_DOUBLE_EQ(predicted_seconds(cost, {.flop_rate = 1e9, .exp_rate = 1e9, .position_rate = 1e6, .step_rate = 1e3}),
                   10);
}

}  // namespace
}  // namespace phasegrid::sweeps
