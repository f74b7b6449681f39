// Cells that are run in parts: what is started before a deadline, what goes on from where, and where it may.
#include <gmock/gmock.h>

#include "orchestrator/coordinator.hpp"

namespace phasegrid::orchestrator {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::uint64_t> cells_given(const Actions& actions) {
  std::vector<std::uint64_t> cells;
  for (const Action& action : actions)
    if (const auto* one = std::get_if<HandOut>(&action)) cells.insert(cells.end(), one->cells.begin(), one->cells.end());
  return cells;
}

std::vector<Job> jobs_of_costs(const std::vector<double>& costs) {
  std::vector<Job> jobs;
  for (std::size_t i = 0; i < costs.size(); ++i) jobs.push_back({i, costs[i], 0, 0});
  return jobs;
}

TEST(Parts, ACellThatNoRunCouldEndIsStartedFirst) {
  Coordinator c(jobs_of_costs({500, 30, 20}), {.whole = 100, .part = 10, .safety = 1});
  c.set_deadline(100);
  EXPECT_THAT(cells_given(c.slot_ready({0, 0}, 0)), ElementsAre(0));
  EXPECT_THAT(cells_given(c.slot_ready({0, 1}, 0)), ElementsAre(1));
}

TEST(Parts, ACellThatFitsIntoAnotherRunLetsShorterOnesGoFirst) {
  Coordinator c(jobs_of_costs({90, 30}), {.whole = 100, .part = 10, .safety = 1});
  c.set_deadline(100);
  EXPECT_THAT(cells_given(c.slot_ready({0, 0}, 60)), ElementsAre(1));
  EXPECT_THAT(cells_given(c.slot_ready({0, 1}, 60)), ElementsAre(0)) << "nothing else fits: a part of it";
}

TEST(Parts, NothingIsStartedForLessThanAPartIsWorth) {
  Coordinator c(jobs_of_costs({90}), {.whole = 100, .part = 10, .safety = 1});
  c.set_deadline(100);
  c.expect({0, 0});
  EXPECT_THAT(cells_given(c.slot_ready({0, 0}, 91)), IsEmpty());
  EXPECT_TRUE(c.stuck(91));
}

TEST(Parts, WithoutCheckpointsNoCellIsStartedThatWouldNotEnd) {
  Coordinator c(jobs_of_costs({500}), {.whole = 100, .safety = 1});
  c.set_deadline(100);
  EXPECT_THAT(cells_given(c.slot_ready({0, 0}, 0)), IsEmpty());
  EXPECT_TRUE(c.stuck(0));
}

TEST(Parts, WhatIsLeftOfACellCountsInTheOrder) {
  Coordinator c(jobs_of_costs({100, 60}), {.attempts = 9});
  c.slot_ready({0, 0}, 0);
  EXPECT_TRUE(c.checkpointed({0, 0}, 0, 750, 1000, false));
  c.crashed({0, 0}, "killed", false, 5);
  EXPECT_NEAR(c.eta(5).seconds, 85, 1e-9);
  EXPECT_THAT(cells_given(c.slot_ready({0, 0}, 5)), ElementsAre(1)) << "25 are left of the other";
}

TEST(Parts, TheRateIsLearntFromWholeCells) {
  Coordinator c({{0, 100, 0, 0, 1, 0, 0.5, 10}, {1, 100, 0, 0}}, {.rate = 1});
  c.slot_ready({0, 0}, 0);
  c.slot_ready({0, 1}, 0);
  EXPECT_TRUE(c.result({0, 1}, 0, 300)) << "all its seconds, those before the checkpoint included";
  EXPECT_NEAR(c.predicted({7, 100, 0, 0}), 200, 1e-6) << "with the first guess, which counts as a cell of 100";
}

TEST(Parts, ALateCheckpointOfACellGivenToAnotherIsRefused) {
  Coordinator c(jobs_of_costs({1}), {.attempts = 9});
  c.slot_ready({0, 0}, 0);
  EXPECT_FALSE(c.checkpointed({0, 1}, 0, 1, 2, false));
  EXPECT_FALSE(c.checkpointed({0, 0}, 7, 1, 2, false));
}

TEST(Parts, CellsOfOnePackGoOnFromOneStep) {
  const std::vector<Job> jobs{{0, 10, 0, 0, 1, 0, 0.5, 5}, {1, 10, 0, 0, 1, 0, 0.5, 5}, {2, 10, 0, 0, 1, 0, 0.6, 6},
                              {3, 1, 0, 0}};
  Coordinator c(jobs, {.pack = 4});
  EXPECT_THAT(cells_given(c.slot_ready({0, 0}, 0)), ElementsAre(0, 1));
  EXPECT_THAT(cells_given(c.slot_ready({0, 1}, 0)), ElementsAre(2));
  EXPECT_THAT(cells_given(c.slot_ready({0, 2}, 0)), ElementsAre(3));
}

TEST(Parts, ACheckpointOnAScratchDiskBindsItsCellToThatNode) {
  Coordinator c(jobs_of_costs({10, 1}), {.attempts = 9});
  c.expect({0, 0}, 0);
  c.expect({1, 0}, 1);
  c.expect({1, 1}, 1);
  EXPECT_THAT(cells_given(c.slot_ready({1, 0}, 0)), ElementsAre(0));
  EXPECT_TRUE(c.checkpointed({1, 0}, 0, 1, 2, true));
  EXPECT_THAT(cells_given(c.slot_ready({0, 0}, 0)), ElementsAre(1));
  EXPECT_TRUE(c.result({0, 0}, 1, 1));
  EXPECT_THAT(cells_given(c.slot_ready({0, 0}, 1)), IsEmpty());
  EXPECT_THAT(cells_given(c.crashed({1, 0}, "killed", false, 2)), IsEmpty()) << "the waiting slot is on another node";
  EXPECT_FALSE(c.stuck(2));
  EXPECT_THAT(cells_given(c.slot_ready({1, 1}, 3)), ElementsAre(0));
}

TEST(Parts, WhenItsNodeIsLostACellBeginsAgainElsewhere) {
  Coordinator c(jobs_of_costs({10}), {.attempts = 9});
  c.expect({0, 0}, 0);
  c.expect({1, 0}, 1);
  c.slot_ready({1, 0}, 0);
  c.slot_ready({0, 0}, 0);
  c.checkpointed({1, 0}, 0, 1, 2, true);
  EXPECT_THAT(cells_given(c.rank_lost(1, 1)), ElementsAre(0));
  EXPECT_NEAR(c.eta(1).seconds, 10, 1e-9);
}

TEST(Parts, ProgressFromACheckpointOnIsWhatTellsTheTimeThatIsLeft) {
  Coordinator c({{0, 100, 0, 0, 1, 0, 0.5, 50}}, {.rate = 1});
  c.slot_ready({0, 0}, 0);
  c.progress({0, 0}, 0.75);
  EXPECT_NEAR(c.eta(10).seconds, 10, 1e-6) << "a quarter took 10 seconds, a quarter is left";
}

}  // namespace
}  // namespace phasegrid::orchestrator
