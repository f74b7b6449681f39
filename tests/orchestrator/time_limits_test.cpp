// When a cell counts as taking too long: never without evidence, never because its machine is slow or its cost was
// guessed badly.
#include <gmock/gmock.h>

#include <algorithm>
#include <random>

#include "orchestrator/coordinator.hpp"
#include "tests/orchestrator/actions.hpp"

namespace phasegrid::orchestrator {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

constexpr double kLong = 1e9;          // seconds

Job job(std::uint64_t cell, double cost = 10) { return {.cell = cell, .cost = cost, .steps = 1000}; }

std::vector<Job> jobs(std::size_t count, double cost = 10) {
  std::vector<Job> jobs;
  for (std::size_t i = 0; i < count; ++i) jobs.push_back(job(i, cost));
  return jobs;
}

Policy policy(int pack = 1) { return {.pack = pack, .limit_factor = 10, .least_limit = 20}; }

// The slot finishes what it runs after `seconds` each, and gets something new.
double finish(Coordinator& c, SlotId slot, double now, double seconds, std::int64_t steps = 1000) {
  for (const std::uint64_t cell : c.cells(slot)) {
    now += seconds;
    EXPECT_TRUE(c.result(slot, cell, seconds, steps));
  }
  c.slot_ready(slot, now);
  return now;
}

constexpr SlotId kFirst{0, 0}, kOther{1, 0};

bool stops(Coordinator& c, SlotId slot, double now) {
  const auto up = all<TimeUp>(c.over_time(now));
  return std::ranges::any_of(up, [&](const TimeUp& one) { return one.slot == slot; });
}

TEST(TimeLimits, AreNotSetBeforeCellsHaveFinished) {
  Coordinator c(jobs(9), policy());
  c.slot_ready(kFirst, 0);
  double now = 0;
  for (int finished = 0; finished < 5; ++finished) {
    EXPECT_THAT(c.over_time(now + kLong), IsEmpty()) << finished << " cells have finished";
    now = finish(c, kFirst, now, 10);
  }
  EXPECT_THAT(c.over_time(now + kLong), SizeIs(1));
}

TEST(TimeLimits, GiveACellTenTimesWhatOthersTookAndRoomForTheirSpread) {
  Coordinator c(jobs(30), policy());
  c.slot_ready(kFirst, 0);
  double now = 0;
  for (int i = 0; i < 20; ++i) now = finish(c, kFirst, now, 50);
  EXPECT_THAT(c.over_time(now + 500), IsEmpty());
  const auto up = all<TimeUp>(c.over_time(now + 1500));
  ASSERT_THAT(up, SizeIs(1));
  EXPECT_GT(up[0].limit, 500);
  EXPECT_LT(up[0].limit, 1500);
  EXPECT_THAT(c.over_time(now + 1501), IsEmpty()) << "it is told once";
}

TEST(TimeLimits, AreAtLeastWhatASilentCellIsGiven) {
  Coordinator c(jobs(9, 0.001), policy());
  c.slot_ready(kFirst, 0);
  double now = 0;
  for (int i = 0; i < 6; ++i) now = finish(c, kFirst, now, 0.001);
  EXPECT_THAT(c.over_time(now + 20), IsEmpty());
  EXPECT_THAT(c.over_time(now + 21), SizeIs(1));
}

TEST(TimeLimits, CanBeSwitchedOff) {
  Policy off = policy();
  off.limit_factor = TimeLimits::kNone;
  Coordinator c(jobs(9), off);
  c.slot_ready(kFirst, 0);
  double now = 0;
  for (int i = 0; i < 6; ++i) now = finish(c, kFirst, now, 10);
  EXPECT_THAT(c.over_time(now + kLong), IsEmpty());
}

TEST(TimeLimits, ComeFromEarlierRunsToo) {
  Coordinator c(jobs(1), policy());
  LogRates before;
  for (int i = 0; i < 6; ++i) before.add(10, 1, 10);
  c.learn(0, before);
  c.slot_ready(kFirst, 0);
  EXPECT_THAT(c.over_time(1000), IsEmpty()) << "on a machine of which nothing is known";
  EXPECT_THAT(c.over_time(5000), SizeIs(1));
}

TEST(TimeLimits, CountCellsThatStoppedEarlyByTheStepsThatTheyTook) {
  Coordinator c(jobs(30), policy());
  c.slot_ready(kFirst, 0);
  double now = 0;
  for (int i = 0; i < 20; ++i) now = finish(c, kFirst, now, 1, 20);   // the whole of it would take 50 s
  EXPECT_THAT(c.over_time(now + 499), IsEmpty());
}

TEST(TimeLimits, DoNotStopTheCellsOfASlowMachine) {
  for (const double slower : {8.0, 90.0}) {
    Coordinator c(jobs(60), policy());
    c.expect(kFirst, 0), c.expect(kOther, 1);
    c.slot_ready(kOther, 0);
    c.slot_ready(kFirst, 0);
    double now = 0;
    for (int i = 0; i < 40; ++i) now = finish(c, kFirst, now, 10);
    EXPECT_FALSE(stops(c, kOther, slower * 10)) << "its first cell";
    now = finish(c, kOther, now, slower * 10);
    for (int i = 0; i < 5; ++i) {
      EXPECT_FALSE(stops(c, kOther, now + 9 * slower * 10));
      now = finish(c, kOther, now, slower * 10);
    }
    EXPECT_TRUE(stops(c, kOther, now + kLong)) << "there is a limit";
  }
}

TEST(TimeLimits, LetASmallPackTakeAsLongAsAFullOne) {
  std::vector<Job> all_jobs = jobs(41);
  Coordinator c(all_jobs, policy(8));
  c.slot_ready(kFirst, 0);
  double now = 0;
  for (int i = 0; i < 5; ++i) now = finish(c, kFirst, now, 10);        // five packs of eight, 80 s each
  ASSERT_THAT(c.cells(kFirst), SizeIs(1));
  EXPECT_THAT(c.over_time(now + 800), IsEmpty());
  EXPECT_THAT(c.over_time(now + 5000), SizeIs(1));
}

TEST(TimeLimits, EndAsATimeoutAfterAllAttempts) {
  std::vector<Job> all_jobs = jobs(9);
  all_jobs.push_back(job(9, 9));                                        // the last one
  Coordinator c(all_jobs, policy());
  c.slot_ready(kFirst, 0);
  double now = 0;
  for (int i = 0; i < 9; ++i) now = finish(c, kFirst, now, 10);
  for (int attempt = 1; attempt <= 2; ++attempt) {
    ASSERT_EQ(c.cells(kFirst), std::vector<std::uint64_t>{9});
    EXPECT_FALSE(c.timed_out(kFirst));
    ASSERT_THAT(c.over_time(now += 1e6), SizeIs(1));
    EXPECT_TRUE(c.timed_out(kFirst));
    const auto quarantined = all<Quarantine>(c.crashed(kFirst, "stopped after ages", false, now));
    ASSERT_THAT(quarantined, SizeIs(attempt == 2));
    for (const Quarantine& one : quarantined) EXPECT_TRUE(one.timeout);
    c.slot_ready(kFirst, now);
  }
  EXPECT_TRUE(c.finished());
}

TEST(TimeLimits, LetACellThatGoesOnFromACheckpointTakeAsLongAsAWholeOne) {
  Job most_is_done = job(0, 1000);
  most_is_done.done = 0.99;
  Coordinator c({most_is_done}, policy());
  LogRates before;
  for (int i = 0; i < 20; ++i) before.add(10, 1, 10);
  c.learn(0, before);
  c.slot_ready(kFirst, 0);
  EXPECT_THAT(c.over_time(10'000), IsEmpty()) << "the checkpoint may turn out to be damaged";
  EXPECT_THAT(c.over_time(kLong), SizeIs(1));
}

// A month of work in which nothing is wrong: costs guessed wrong by families and by cells, early stops, slow machines.
TEST(TimeLimits, StopNothingInALongRunOfManyKinds) {
  std::mt19937_64 random(1);
  std::lognormal_distribution<double> cost(4, 1), luck(0, 0.4);
  std::uniform_real_distribution<double> uniform(0, 1);
  constexpr int kFamilies = 4, kSlots = 64;
  const double family_speed[kFamilies] = {0.1, 1, 3, 30};
  std::vector<Job> work;
  std::vector<double> seconds;
  std::vector<std::int64_t> steps;
  for (std::uint64_t cell = 0; cell < 8000; ++cell) {
    Job one = job(cell, cost(random));
    one.family = static_cast<std::uint32_t>(cell % kFamilies);
    steps.push_back(uniform(random) < 0.7 ? 20 + static_cast<std::int64_t>(100 * uniform(random)) : 1000);
    seconds.push_back(one.cost * luck(random) * family_speed[one.family] * static_cast<double>(steps.back()) / 1000);
    work.push_back(one);
  }
  Coordinator c(work, policy());
  std::multimap<double, std::pair<SlotId, std::uint64_t>> ends;
  const auto slowness = [](SlotId slot) { return slot.rank % 8 == 0 ? 20.0 : slot.rank % 8 == 1 ? 3.0 : 1.0; };
  const auto give = [&](SlotId slot, double now) {
    for (const auto& h : all<HandOut>(c.slot_ready(slot, now)))
      ends.emplace(now + seconds[h.cells[0]] * slowness(slot), std::pair(slot, h.cells[0]));
  };
  for (int rank = 0; rank < kSlots; ++rank) c.expect({rank, 0}, rank), give({rank, 0}, 0);
  while (!ends.empty()) {
    const auto [now, ended] = *ends.begin();
    ends.erase(ends.begin());
    ASSERT_THAT(c.over_time(now), IsEmpty()) << "at " << now;
    const double took = seconds[ended.second] * slowness(ended.first);
    ASSERT_TRUE(c.result(ended.first, ended.second, took, steps[ended.second]));
    give(ended.first, now);
  }
  EXPECT_TRUE(c.finished());
}

}  // namespace
}  // namespace phasegrid::orchestrator
