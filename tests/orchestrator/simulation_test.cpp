// A discrete-event simulation driven by the real scheduler: slots finish at their cells' times, predictions are wrong by up
// to 30 %, executors crash.
#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <random>

#include "orchestrator/coordinator.hpp"
#include "tests/orchestrator/actions.hpp"

namespace phasegrid::orchestrator {
namespace {

struct Outcome {
  double makespan = 0;
  std::map<std::uint64_t, int> results, quarantined;
};

Outcome simulate(const std::vector<double>& seconds, int slots, double crash_probability, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> error(0.7, 1.3), chance(0, 1);
  std::vector<Job> jobs;
  for (std::size_t i = 0; i < seconds.size(); ++i) jobs.push_back({i, seconds[i] * error(random), 0, 0});
  Coordinator c(jobs, {.attempts = 3});
  Outcome result;
  std::multimap<double, HandOut> running;
  const auto act = [&](const Actions& actions, double now) {
    for (const auto& h : all<HandOut>(actions)) running.emplace(now + seconds[h.cells.at(0)], h);
    for (const auto& q : all<Quarantine>(actions)) ++result.quarantined[q.cell];
  };
  for (int slot = 0; slot < slots; ++slot) act(c.slot_ready({slot, 0}, 0), 0);
  while (!running.empty()) {
    const auto [now, ended] = *running.begin();
    running.erase(running.begin());
    if (chance(random) < crash_probability) {
      act(c.crashed(ended.slot, "simulated", false, now), now);
    } else {
      EXPECT_TRUE(c.result(ended.slot, ended.cells[0], seconds[ended.cells[0]]));
      ++result.results[ended.cells[0]];
      result.makespan = std::max(result.makespan, now);
    }
    act(c.slot_ready(ended.slot, now), now);
  }
  EXPECT_TRUE(c.finished());
  return result;
}

std::vector<double> log_normal_seconds(std::size_t n, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::lognormal_distribution<double> length(3, 1);
  std::vector<double> seconds(n);
  for (double& s : seconds) s = length(random);
  return seconds;
}

double lower_bound(const std::vector<double>& seconds, int slots) {
  return std::max(std::accumulate(seconds.begin(), seconds.end(), 0.0) / slots, std::ranges::max(seconds));
}

class Makespan : public testing::TestWithParam<int> {};

TEST_P(Makespan, IsWithinFivePercentOfTheLowerBoundWithPredictionsWrongByThirty) {
  const int slots = GetParam();
  for (const std::uint64_t seed : {1, 2, 3}) {
    const auto seconds = log_normal_seconds(static_cast<std::size_t>(slots) * 40, seed);
    const double ratio = simulate(seconds, slots, 0, seed + 10).makespan / lower_bound(seconds, slots);
    RecordProperty("ratio_" + std::to_string(seed), std::to_string(ratio));
    EXPECT_LT(ratio, 1.05) << slots << " slots, seed " << seed;
  }
}

TEST_P(Makespan, IsThatOfTheLongestCellWhereOneDominates) {
  const int slots = GetParam();
  auto seconds = log_normal_seconds(static_cast<std::size_t>(slots) * 40, 5);
  seconds[seconds.size() / 2] = 3 * lower_bound(seconds, slots);
  EXPECT_LT(simulate(seconds, slots, 0, 6).makespan, 1.05 * lower_bound(seconds, slots));
}

INSTANTIATE_TEST_SUITE_P(Workers, Makespan, testing::Values(128, 4096));

TEST(Simulation, RecordsEveryCellExactlyOnceWhateverCrashes) {
  const auto seconds = log_normal_seconds(3'000, 3);
  const Outcome run = simulate(seconds, 17, 0.3, 4);
  for (std::uint64_t cell = 0; cell < seconds.size(); ++cell) {
    const int results = run.results.contains(cell), quarantined = run.quarantined.contains(cell);
    ASSERT_EQ(results + quarantined, 1) << "cell " << cell;
  }
  for (const auto& [cell, times] : run.results) ASSERT_EQ(times, 1) << "cell " << cell;
  EXPECT_GT(run.quarantined.size(), 0u);
}

}  // namespace
}  // namespace phasegrid::orchestrator
