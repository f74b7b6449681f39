#include "orchestrator/coordinator.hpp"

#include <gmock/gmock.h>

#include <optional>

#include "tests/orchestrator/actions.hpp"

namespace phasegrid::orchestrator {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::uint64_t> cells_given(const Actions& actions) {
  std::vector<std::uint64_t> cells;
  for (const auto& hand_out : all<HandOut>(actions))
    cells.insert(cells.end(), hand_out.cells.begin(), hand_out.cells.end());
  return cells;
}

std::vector<Job> jobs_of_costs(const std::vector<double>& costs) {
  std::vector<Job> jobs;
  for (std::size_t i = 0; i < costs.size(); ++i) jobs.push_back({i, costs[i], 0, 0});
  return jobs;
}

TEST(Coordinator, HandsOutTheLongestCellFirstAndTiesInGridOrder) {
  Coordinator c(jobs_of_costs({1, 5, 3, 5}), {});
  EXPECT_THAT(cells_given(c.slot_ready({0, 0}, 0)), ElementsAre(1));
  EXPECT_THAT(cells_given(c.slot_ready({0, 1}, 0)), ElementsAre(3));
  EXPECT_THAT(cells_given(c.slot_ready({1, 0}, 0)), ElementsAre(2));
  EXPECT_THAT(cells_given(c.slot_ready({1, 1}, 0)), ElementsAre(0));
  EXPECT_THAT(cells_given(c.slot_ready({2, 0}, 0)), IsEmpty());
  EXPECT_EQ(c.running(), 4u);
}

TEST(Coordinator, IsFinishedWhenEveryCellHasAResult) {
  Coordinator c(jobs_of_costs({1, 2}), {});
  EXPECT_FALSE(c.finished());
  c.slot_ready({0, 0}, 0);
  EXPECT_TRUE(c.result({0, 0}, 1, 2));
  EXPECT_FALSE(c.finished());
  c.slot_ready({0, 0}, 2);
  EXPECT_TRUE(c.result({0, 0}, 0, 1));
  EXPECT_TRUE(c.finished());
}

TEST(Coordinator, TakesAResultFromTheSlotThatRunsTheCellOnly) {
  Coordinator c(jobs_of_costs({1}), {});
  c.slot_ready({0, 0}, 0);
  EXPECT_FALSE(c.result({1, 0}, 0, 1));
  EXPECT_FALSE(c.result({0, 0}, 7, 1));
  EXPECT_TRUE(c.result({0, 0}, 0, 1));
  EXPECT_FALSE(c.result({0, 0}, 0, 1)) << "the same result twice";
}

TEST(Coordinator, GivesACrashedCellToAWaitingSlot) {
  Coordinator c(jobs_of_costs({1}), {.attempts = 3});
  c.slot_ready({0, 0}, 0);
  c.slot_ready({0, 1}, 0);  // finds nothing to do
  const Actions actions = c.crashed({0, 0}, "killed by signal 11", false, 1);
  ASSERT_EQ(all<HandOut>(actions).size(), 1u);
  EXPECT_EQ(all<HandOut>(actions)[0].slot, (SlotId{0, 1}));
}

TEST(Coordinator, QuarantinesACellThatCrashesTooOftenWithItsLastWords) {
  Coordinator c(jobs_of_costs({1}), {.attempts = 2});
  c.slot_ready({0, 0}, 0);
  EXPECT_THAT(all<Quarantine>(c.crashed({0, 0}, "first words", false, 1)), IsEmpty());
  EXPECT_THAT(cells_given(c.slot_ready({0, 0}, 1)), ElementsAre(0));
  const auto quarantined = all<Quarantine>(c.crashed({0, 0}, "last words", true, 2));
  ASSERT_EQ(quarantined.size(), 1u);
  EXPECT_EQ(quarantined[0].cell, 0u);
  EXPECT_EQ(quarantined[0].attempts, 2);
  EXPECT_EQ(quarantined[0].reason, "last words");
  EXPECT_TRUE(quarantined[0].out_of_memory);
  EXPECT_TRUE(c.finished());
}

TEST(Coordinator, TriesTheCellsOfACrashedPackAgainOneByOneBeforeBlamingAny) {
  Coordinator c(jobs_of_costs({1, 1, 1}), {.attempts = 1, .pack = 3});
  EXPECT_EQ(cells_given(c.slot_ready({0, 0}, 0)).size(), 3u);
  EXPECT_THAT(all<Quarantine>(c.crashed({0, 0}, "bang", false, 1)), IsEmpty());
  EXPECT_EQ(cells_given(c.slot_ready({0, 0}, 1)), std::vector<std::uint64_t>{0});
  EXPECT_EQ(all<Quarantine>(c.crashed({0, 0}, "bang", false, 2)).size(), 1u);
  EXPECT_EQ(cells_given(c.slot_ready({0, 0}, 2)), std::vector<std::uint64_t>{1});
  EXPECT_TRUE(c.result({0, 0}, 1, 1));
}

TEST(Coordinator, PacksCellsOfOneShapeOnly) {
  std::vector<Job> jobs = jobs_of_costs(std::vector<double>(10, 1.0));
  for (std::size_t i = 0; i < 10; ++i) jobs[i].shape = i % 2;
  Coordinator c(jobs, {.pack = 4});
  EXPECT_THAT(cells_given(c.slot_ready({0, 0}, 0)), ElementsAre(0, 2, 4, 6));
  EXPECT_THAT(cells_given(c.slot_ready({0, 1}, 0)), ElementsAre(8));
  EXPECT_THAT(cells_given(c.slot_ready({0, 2}, 0)), ElementsAre(1, 3));
}

TEST(Coordinator, SharesTheTailFairlyAmongSlots) {
  Coordinator c(jobs_of_costs(std::vector<double>(7, 1.0)), {.pack = 4});
  c.expect({0, 0}), c.expect({0, 1});
  EXPECT_THAT(cells_given(c.slot_ready({0, 0}, 0)), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(cells_given(c.slot_ready({0, 1}, 0)), ElementsAre(4, 5)) << "3 cells are left for 2 slots";
}

TEST(Coordinator, GivesTheCellsOfALostRankToOthersWithoutCountingACrash) {
  Coordinator c(jobs_of_costs({1, 2, 3}), {.attempts = 1});
  c.slot_ready({1, 0}, 0);
  c.slot_ready({1, 1}, 0);
  c.slot_ready({2, 0}, 0);
  c.slot_ready({2, 1}, 0);
  const Actions actions = c.rank_lost(1, 1);
  EXPECT_THAT(cells_given(actions), ElementsAre(2)) << "one slot was waiting; the longer cell goes first";
  EXPECT_EQ(c.slots(), 2u);
  EXPECT_EQ(c.pending(), 1u);
  EXPECT_FALSE(c.result({1, 0}, 2, 1)) << "a late word from the lost rank";
}

TEST(Coordinator, StopsWithoutStartingAnythingAndGivesUpWhatIsNotNearlyDone) {
  Coordinator c(jobs_of_costs({10, 10, 10}), {});
  c.slot_ready({0, 0}, 0);
  c.slot_ready({0, 1}, 0);
  c.progress({0, 0}, 0.99);
  c.progress({0, 1}, 0.5);
  const auto given_up = all<GiveUp>(c.stop(9.9, 0.5));
  ASSERT_EQ(given_up.size(), 1u);
  EXPECT_EQ(given_up[0].slot, (SlotId{0, 1}));
  EXPECT_FALSE(c.quiet());
  EXPECT_THAT(c.abandoned({0, 1}, 10), IsEmpty());
  EXPECT_TRUE(c.result({0, 0}, 0, 10));
  EXPECT_THAT(c.slot_ready({0, 0}, 10), IsEmpty());
  EXPECT_TRUE(c.quiet());
  EXPECT_TRUE(c.stuck(10));
  EXPECT_EQ(c.pending(), 2u);
}

TEST(Coordinator, StartsOnlyWhatEndsBeforeTheDeadlineAndFillsTheRestWithShortCells) {
  Coordinator c(jobs_of_costs({100, 50, 5, 1}), {.rate = 1, .safety = 1});
  c.set_deadline(60);
  EXPECT_THAT(cells_given(c.slot_ready({0, 0}, 0)), ElementsAre(1));
  EXPECT_THAT(cells_given(c.slot_ready({0, 1}, 0)), ElementsAre(2));
  EXPECT_TRUE(c.result({0, 1}, 2, 5));
  EXPECT_THAT(cells_given(c.slot_ready({0, 1}, 5)), ElementsAre(3));
  EXPECT_TRUE(c.result({0, 1}, 3, 1));
  EXPECT_THAT(cells_given(c.slot_ready({0, 1}, 6)), IsEmpty());
  EXPECT_FALSE(c.stuck(6)) << "a cell still runs";
  EXPECT_TRUE(c.result({0, 0}, 1, 50));
  EXPECT_THAT(cells_given(c.slot_ready({0, 0}, 50)), IsEmpty());
  EXPECT_TRUE(c.stuck(50));
}

TEST(Coordinator, GivesUpAtTheDeadlineWhatWasPredictedToBeShorter) {
  Coordinator c(jobs_of_costs({10}), {.rate = 1, .safety = 1});
  c.set_deadline(20);
  c.slot_ready({0, 0}, 0);
  EXPECT_THAT(c.tick(19), IsEmpty());
  EXPECT_EQ(all<GiveUp>(c.tick(20)).size(), 1u);
}

TEST(Coordinator, LearnsHowFastAFamilyIsAndReordersByIt) {
  std::vector<Job> jobs{{0, 10, 0, 0}, {1, 9, 1, 0}, {2, 8, 0, 0}, {3, 7, 1, 0}};
  Coordinator c(jobs, {.rate = 1});
  EXPECT_THAT(cells_given(c.slot_ready({0, 0}, 0)), ElementsAre(0));
  EXPECT_THAT(cells_given(c.slot_ready({0, 1}, 0)), ElementsAre(1));
  EXPECT_TRUE(c.result({0, 1}, 1, 900));  // family 1 is a hundred times slower than thought
  EXPECT_THAT(cells_given(c.slot_ready({0, 1}, 900)), ElementsAre(3));
}

TEST(Coordinator, IsStuckWhenNoSlotIsLeftButNotWhileOneIsBeingSetUp) {
  Coordinator c(jobs_of_costs({1}), {});
  c.expect({0, 0});
  EXPECT_FALSE(c.stuck(0));
  c.slot_lost({0, 0}, 1);
  EXPECT_TRUE(c.stuck(1));
}

TEST(Coordinator, PredictsTheTimeThatIsLeft) {
  Coordinator c(jobs_of_costs({8, 4, 4}), {.rate = 1});
  c.slot_ready({0, 0}, 0);
  c.slot_ready({0, 1}, 0);
  EXPECT_DOUBLE_EQ(c.seconds_left(0), 8);
  EXPECT_DOUBLE_EQ(c.seconds_left(4), (4 + 0 + 4) / 2.0);
}

TEST(Coordinator, PredictsWithAnErrorThatShrinksAsCellsFinish) {
  Coordinator c(jobs_of_costs(std::vector<double>(1000, 10.0)), {.rate = 1});
  c.slot_ready({0, 0}, 0);
  const Eta before = c.eta(0);
  EXPECT_DOUBLE_EQ(before.seconds, 10'000);
  EXPECT_NEAR(before.error, 5'000, 50) << "nothing is known yet: half of it";
  double now = 0;
  for (std::uint64_t cell = 0; cell < 100; ++cell) {
    now += 20;
    ASSERT_TRUE(c.result({0, 0}, cell, cell % 2 ? 21 : 19));
    c.slot_ready({0, 0}, now);
  }
  const Eta after = c.eta(now);
  EXPECT_NEAR(after.seconds, 900 * 20, 200) << "the machine is half as fast as thought";
  EXPECT_LT(after.error, 0.02 * after.seconds);
}

TEST(Coordinator, BeginsWithWhatEarlierRunsHaveTaken) {
  std::vector<Job> jobs{{0, 10, 0, 0}, {1, 9, 1, 0}};
  Coordinator c(jobs, {.rate = 1});
  c.learn(1, 9, 90), c.learn(7, 1, 1);
  EXPECT_THAT(cells_given(c.slot_ready({0, 0}, 0)), ElementsAre(1)) << "family 1 is slower than thought";
}

TEST(Coordinator, StartsNothingWhilePausedAndGivesAllWaitingSlotsWorkAfterwards) {
  Coordinator c(jobs_of_costs({3, 2, 1}), {});
  c.slot_ready({0, 0}, 0);
  c.pause();
  EXPECT_TRUE(c.result({0, 0}, 0, 1));
  EXPECT_THAT(c.slot_ready({0, 0}, 1), IsEmpty());
  EXPECT_THAT(c.slot_ready({0, 1}, 1), IsEmpty());
  EXPECT_FALSE(c.stuck(1));
  EXPECT_THAT(cells_given(c.resume(2)), ElementsAre(1, 2));
}

}  // namespace
}  // namespace phasegrid::orchestrator
