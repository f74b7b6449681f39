// Cells that need several slots at once beside cells that need one.
#include "orchestrator/gangs.hpp"

#include <gmock/gmock.h>

#include <map>
#include <random>

#include "orchestrator/coordinator.hpp"
#include "tests/orchestrator/actions.hpp"

namespace phasegrid::orchestrator {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

std::vector<SlotId> given_up(const Actions& actions) {
  std::vector<SlotId> slots;
  for (const GiveUp& each : all<GiveUp>(actions)) slots.push_back(each.slot);
  return slots;
}

// Cells 0, 1, ... of these costs; those of several replicas are families of their own.
struct Wanted {
  double cost;
  int replicas;
};
std::vector<Job> jobs_of(const std::vector<Wanted>& wanted) {
  std::vector<Job> jobs;
  for (const Wanted& each : wanted) jobs.push_back({jobs.size(), each.cost, static_cast<std::uint32_t>(each.replicas), 0, each.replicas});
  return jobs;
}

TEST(Gangs, AreFormedOfTheSlotsOfOneRankAsSoonAsThereAreEnough) {
  Coordinator c(jobs_of({{5, 3}}), {});
  for (int slot = 0; slot < 3; ++slot) c.expect({0, slot}), c.expect({1, slot});
  EXPECT_THAT(c.slot_ready({0, 0}, 0), IsEmpty());
  EXPECT_THAT(c.slot_ready({1, 0}, 0), IsEmpty()) << "the only gang gathers at rank 0";
  EXPECT_THAT(c.slot_ready({0, 2}, 0), IsEmpty());
  const auto given = all<HandOut>(c.slot_ready({0, 1}, 0));
  ASSERT_EQ(given.size(), 1u);
  EXPECT_THAT(given[0].cells, ElementsAre(0));
  EXPECT_EQ(given[0].slot, given[0].gang.at(0)) << "replica 0 leads";
  EXPECT_THAT(given[0].gang, UnorderedElementsAre(SlotId{0, 0}, SlotId{0, 1}, SlotId{0, 2}));
}

TEST(Gangs, TakeSlotsOfAnyRankWhereTheirDeviceAllowsIt) {
  Coordinator c(jobs_of({{5, 3}}), {.gangs_across_ranks = true});
  c.expect({0, 0}), c.expect({1, 0}), c.expect({2, 0});
  c.slot_ready({2, 0}, 0), c.slot_ready({0, 0}, 0);
  const auto given = all<HandOut>(c.slot_ready({1, 0}, 0));
  ASSERT_EQ(given.size(), 1u);
  EXPECT_THAT(given[0].gang, ElementsAre(SlotId{1, 0}, SlotId{0, 0}, SlotId{2, 0}));
}

TEST(Gangs, GatherAheadOfShorterCellsSoThatTheirTurnComes) {
  Coordinator c(jobs_of({{9, 1}, {8, 1}, {7, 2}, {1, 1}, {1, 1}}), {});
  c.expect({0, 0}), c.expect({0, 1});
  EXPECT_THAT(all<HandOut>(c.slot_ready({0, 0}, 0))[0].cells, ElementsAre(0));
  EXPECT_THAT(all<HandOut>(c.slot_ready({0, 1}, 0))[0].cells, ElementsAre(1));
  EXPECT_TRUE(c.result({0, 1}, 1, 8));
  EXPECT_THAT(c.slot_ready({0, 1}, 8), IsEmpty()) << "the gang is the longest that is left: this slot waits for another";
  EXPECT_TRUE(c.gathers({0, 1}));
  EXPECT_TRUE(c.result({0, 0}, 0, 9));
  const auto given = all<HandOut>(c.slot_ready({0, 0}, 9));
  ASSERT_EQ(given.size(), 1u);
  EXPECT_EQ(given[0].gang.size(), 2u);
  EXPECT_FALSE(c.gathers({0, 1}));
}

TEST(Gangs, LetOtherRanksGoOnWithShorterCellsWhileOneGathers) {
  Coordinator c(jobs_of({{7, 2}, {1, 1}, {1, 1}}), {});
  for (int rank = 0; rank < 2; ++rank) c.expect({rank, 0}), c.expect({rank, 1});
  EXPECT_THAT(c.slot_ready({0, 0}, 0), IsEmpty());
  EXPECT_EQ(all<HandOut>(c.slot_ready({1, 0}, 0)).size(), 1u);
  EXPECT_EQ(all<HandOut>(c.slot_ready({1, 1}, 0)).size(), 1u);
}

TEST(Gangs, GiveWorkToThoseWhoGatheredForACellThatAnotherRankTook) {
  Coordinator c(jobs_of({{7, 2}, {7, 2}, {1, 1}}), {});
  for (int rank = 0; rank < 3; ++rank) c.expect({rank, 0}), c.expect({rank, 1});
  EXPECT_THAT(c.slot_ready({0, 0}, 0), IsEmpty());
  EXPECT_THAT(c.slot_ready({1, 0}, 0), IsEmpty());
  EXPECT_EQ(all<HandOut>(c.slot_ready({2, 0}, 0)).size(), 1u) << "two ranks gather for two gangs: this one takes the short cell";
  EXPECT_EQ(all<HandOut>(c.slot_ready({0, 1}, 0)).size(), 1u);
  EXPECT_EQ(all<HandOut>(c.slot_ready({1, 1}, 0)).size(), 1u);
  EXPECT_EQ(c.pending(), 0u);
}

TEST(Gangs, AreTriedAgainAsAWholeWhenAMemberCrashes) {
  Coordinator c(jobs_of({{5, 3}}), {.attempts = 2});
  for (int slot = 0; slot < 3; ++slot) c.expect({0, slot});
  c.slot_ready({0, 0}, 0), c.slot_ready({0, 1}, 0);
  const SlotId leader = all<HandOut>(c.slot_ready({0, 2}, 0))[0].slot;
  EXPECT_THAT(c.cells({0, 1}), ElementsAre(0)) << "a member runs the cell of its gang";
  const Actions actions = c.crashed({0, 1}, "killed", false, 1);
  EXPECT_THAT(given_up(actions), UnorderedElementsAre(SlotId{0, 0}, SlotId{0, 2}));
  EXPECT_THAT(all<HandOut>(actions), IsEmpty()) << "no slot is free yet";
  EXPECT_THAT(all<Quarantine>(actions), IsEmpty());
  EXPECT_FALSE(c.result(leader, 0, 1)) << "a late word of a gang that is no more";
  EXPECT_THAT(c.abandoned({0, 0}, 1), IsEmpty());
  EXPECT_THAT(c.abandoned({0, 2}, 1), IsEmpty());
  c.slot_ready({0, 0}, 2), c.slot_ready({0, 2}, 2);
  EXPECT_EQ(all<HandOut>(c.slot_ready({0, 1}, 2)).size(), 1u) << "tried again when the killed one is back";
  const auto quarantined = all<Quarantine>(c.crashed({0, 2}, "killed again", false, 3));
  ASSERT_EQ(quarantined.size(), 1u);
  EXPECT_EQ(quarantined[0].attempts, 2);
  EXPECT_TRUE(c.finished());
}

TEST(Gangs, AreDoneWithTheirLeadersResultAndFreeTheirMembersOneByOne) {
  Coordinator c(jobs_of({{5, 2}, {1, 1}, {1, 1}}), {});
  c.expect({0, 0}), c.expect({0, 1});
  c.slot_ready({0, 0}, 0), c.slot_ready({0, 1}, 0);
  EXPECT_EQ(all<HandOut>(c.slot_ready({0, 0}, 5)).size(), 1u) << "a member that is done works on, though the leader still writes";
  EXPECT_TRUE(c.result({0, 1}, 0, 5));
  EXPECT_EQ(all<HandOut>(c.slot_ready({0, 1}, 5)).size(), 1u);
  EXPECT_THAT(given_up(c.crashed({0, 0}, "bang", false, 6)), IsEmpty()) << "it is in no gang any more";
}

TEST(Gangs, LoseNoCellWithARankOrASlot) {
  Coordinator c(jobs_of({{5, 2}, {5, 2}}), {.attempts = 1});
  for (int rank = 0; rank < 2; ++rank) c.expect({rank, 0}), c.expect({rank, 1});
  c.slot_ready({0, 0}, 0), c.slot_ready({0, 1}, 0), c.slot_ready({1, 0}, 0), c.slot_ready({1, 1}, 0);
  EXPECT_EQ(c.running(), 2u);
  EXPECT_THAT(given_up(c.rank_lost(1, 1)), IsEmpty()) << "nobody is left to be told";
  EXPECT_EQ(c.pending(), 1u);
  EXPECT_THAT(given_up(c.slot_lost({0, 1}, 2)), ElementsAre(SlotId{0, 0}));
  EXPECT_EQ(c.pending(), 2u);
  c.abandoned({0, 0}, 2);
  EXPECT_THAT(c.slot_ready({0, 0}, 2), IsEmpty());
  EXPECT_TRUE(c.stuck(2));
  EXPECT_EQ(c.too_wide(), 2u);
}

TEST(Gangs, ThatNoRankHasSlotsForAreRefusedWithTheReason) {
  Coordinator c(jobs_of({{5, 4}, {1, 1}, {3, 2}}), {});
  c.expect({0, 0}), c.expect({0, 1}), c.expect({1, 0}), c.expect({1, 1}), c.expect({1, 2});
  const auto refused = all<Refuse>(c.refuse_too_wide());
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].cell, 0u);
  EXPECT_EQ(refused[0].reason, "replicas = 4 needs as many slots of one rank, but there are 3: start with --slots 4 or more");
  EXPECT_EQ(c.pending(), 2u);
}

TEST(Gangs, AreToldToGiveUpAllTogetherAtAStop) {
  Coordinator c(jobs_of({{5, 2}}), {});
  c.expect({0, 0}), c.expect({0, 1});
  c.slot_ready({0, 0}, 0), c.slot_ready({0, 1}, 0);
  EXPECT_THAT(given_up(c.stop(1, 0.4)), UnorderedElementsAre(SlotId{0, 0}, SlotId{0, 1}));
  EXPECT_THAT(c.abandoned({0, 0}, 1), IsEmpty());
  EXPECT_THAT(c.abandoned({0, 1}, 1), IsEmpty());
  EXPECT_TRUE(c.quiet());
}

TEST(Gangs, CountAllTheirSlotsInTheTimeThatIsLeft) {
  Coordinator c(jobs_of({{8, 2}, {8, 2}}), {.rate = 1});
  c.expect({0, 0}), c.expect({0, 1});
  c.slot_ready({0, 0}, 0), c.slot_ready({0, 1}, 0);
  EXPECT_DOUBLE_EQ(c.seconds_left(0), 16);
}

// Random sweeps of cells of one to four replicas, on ranks of different sizes whose slots crash and are lost: every cell is recorded once, or left
// only where no rank has slots enough.
TEST(Gangs, AndSingleCellsAllEndWhateverCrashes) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    std::mt19937_64 random(seed);
    const auto below = [&](int n) { return static_cast<int>(random() % static_cast<std::uint64_t>(n)); };
    std::vector<Wanted> wanted;
    for (int i = 0; i < 40; ++i) wanted.push_back({1.0 + below(20), 1 + below(4)});
    Coordinator c(jobs_of(wanted), {.attempts = 3, .gangs_across_ranks = seed % 3 == 0});
    std::map<SlotId, std::vector<SlotId>> gang_of;   // of a running leader, itself alone if no gang
    std::map<SlotId, std::uint64_t> cell_of;
    std::map<SlotId, bool> busy;
    std::multimap<double, SlotId> ends;              // of leaders
    std::map<std::uint64_t, int> recorded;
    double now = 0;
    std::vector<SlotId> to_ask;
    const auto free = [&](SlotId slot) { if (busy.contains(slot)) to_ask.push_back(slot); };
    const auto act = [&](const Actions& actions) {
      for (const auto& h : all<HandOut>(actions)) {
        const std::vector<SlotId> members = h.gang.empty() ? std::vector{h.slot} : h.gang;
        ASSERT_EQ(members.size(), static_cast<std::size_t>(wanted[h.cells.at(0)].replicas));
        for (const SlotId& member : members) {
          ASSERT_FALSE(busy.at(member)) << "two cells at one slot";
          busy[member] = true;
        }
        gang_of[h.slot] = members, cell_of[h.slot] = h.cells[0];
        ends.emplace(now + wanted[h.cells[0]].cost, h.slot);
      }
      for (const auto& g : all<GiveUp>(actions)) {
        std::erase_if(ends, [&](const auto& end) { return end.second == g.slot; });
        if (busy.contains(g.slot)) busy[g.slot] = false, free(g.slot);
      }
      for (const auto& q : all<Quarantine>(actions)) ++recorded[q.cell];
    };
    const auto ask_all = [&] {
      while (!to_ask.empty()) {
        const SlotId slot = to_ask.back();
        to_ask.pop_back();
        if (!busy.contains(slot) || busy[slot]) continue;
        act(c.abandoned(slot, now));
        act(c.slot_ready(slot, now));
      }
    };
    for (int rank = 0; rank < 3; ++rank)
      for (int slot = 0; slot < 2 + rank; ++slot) c.expect({rank, slot}), busy[{rank, slot}] = false, to_ask.push_back({rank, slot});
    ask_all();
    while (!ends.empty()) {
      now = ends.begin()->first;
      const SlotId leader = ends.begin()->second;
      ends.erase(ends.begin());
      const auto members = gang_of.at(leader);
      const SlotId victim = members[static_cast<std::size_t>(below(static_cast<int>(members.size())))];
      const int luck = below(20);
      if (luck == 0 && seed % 2) {
        busy.erase(victim);
        act(c.slot_lost(victim, now));
      } else if (luck < 4) {
        busy[victim] = false;
        act(c.crashed(victim, "simulated", false, now));
        to_ask.push_back(victim);
      } else {
        ASSERT_TRUE(c.result(leader, cell_of.at(leader), 1));
        ++recorded[cell_of.at(leader)];
        for (const SlotId& member : members) busy[member] = false, to_ask.push_back(member);
      }
      ask_all();
    }
    for (const auto& [cell, times] : recorded) ASSERT_EQ(times, 1) << "cell " << cell << ", seed " << seed;
    EXPECT_EQ(recorded.size() + c.too_wide(), 40u) << "seed " << seed << ": cells wait though there are slots";
    EXPECT_TRUE(c.finished() || c.stuck(now)) << "seed " << seed;
  }
}

}  // namespace
}  // namespace phasegrid::orchestrator
