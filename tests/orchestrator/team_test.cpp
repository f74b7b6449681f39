#include "orchestrator/team.hpp"

#include <gmock/gmock.h>

#include "results/run_folder.hpp"

namespace phasegrid::orchestrator {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Hello on(const std::string& host, int cores, std::vector<std::string> kinds, int numerics = 1) {
  return {host, 1, cores, std::move(kinds), numerics, "abc"};
}

Team team_of(const std::vector<Hello>& hellos) {
  Team team(static_cast<int>(hellos.size()), 0);
  for (std::size_t rank = 0; rank < hellos.size(); ++rank) team.report(static_cast<int>(rank), hellos[rank], 0);
  return team;
}

const std::vector<std::string> kOld{"cpu-portable", "cpu-avx2"}, kNew{"cpu-portable", "cpu-avx2", "cpu-avx512"};

TEST(Team, IsCompleteWhenEveryRankHasReported) {
  Team team(2, 0);
  EXPECT_EQ(team.missing(), "rank 0, 1");
  team.report(1, on("elsewhere", 1, kNew), 0);
  team.report(1, on("elsewhere", 1, kNew), 0);
  EXPECT_FALSE(team.complete());
  EXPECT_EQ(team.missing(), "rank 0");
}

TEST(Team, UsesTheKindOfTheLeastCapableRank) {
  const Team team = team_of({on("a", 4, kNew), on("b", 4, kOld)});
  EXPECT_EQ(team.device_kind("auto", ""), "cpu-avx2");
  EXPECT_EQ(team.device_kind("cpu-portable", ""), "cpu-portable");
}

TEST(Team, KeepsTheKindOfTheResultsSoFarWhereAllCanRunIt) {
  const Team team = team_of({on("a", 4, kNew)});
  EXPECT_EQ(team.device_kind("auto", "cpu-avx2"), "cpu-avx2");
  EXPECT_EQ(team.device_kind("auto", "sm_90"), "cpu-avx512");
}

TEST(Team, RefusesAKindThatSomeRankCannotRunAndNamesThoseThatAllCan) {
  const Team team = team_of({on("a", 4, kNew), on("b", 4, kOld)});
  try {
    team.device_kind("cpu-avx512", "");
    FAIL() << "accepted";
  } catch (const results::RunError& error) {
    EXPECT_THAT(error.what(), HasSubstr("cpu-portable, cpu-avx2"));
  }
}

TEST(Team, RefusesBinariesOfDifferentNumericsAndNamesBoth) {
  const Team team = team_of({on("a", 4, kNew, 1), on("b", 4, kNew, 2)});
  try {
    team.check_versions();
    FAIL() << "accepted";
  } catch (const results::RunError& error) {
    EXPECT_THAT(error.what(), HasSubstr("rank 1 on b"));
    EXPECT_THAT(error.what(), HasSubstr("rank 0 on a"));
  }
}

TEST(Team, SharesTheCoresOfAHostAmongItsRanks) {
  const Team team = team_of({on("a", 8, kNew), on("b", 3, kNew), on("a", 8, kNew), on("a", 8, kNew), on("b", 3, kNew)});
  EXPECT_THAT(team.slots(0), ElementsAre(3, 2, 3, 2, 1));
  EXPECT_THAT(team.slots(2), ElementsAre(2, 2, 2, 2, 2));
  EXPECT_THAT(team.slots(0, "cpu", 2), ElementsAre(1, 1, 1, 1, 1)) << "two threads each";
  EXPECT_THAT(team.slots(2, "cpu", 2), ElementsAre(2, 2, 2, 2, 2)) << "as asked";
  EXPECT_THAT(team_of({on("a", 1, kNew), on("a", 1, kNew)}).slots(0), ElementsAre(1, 1)) << "never none";
}

TEST(Team, NoticesARankThatFallsSilentOnce) {
  Team team = team_of({on("a", 4, kNew), on("b", 4, kNew), on("c", 4, kNew)});
  team.heard(1, 1000);
  const auto losses = team.newly_lost(1001);
  ASSERT_EQ(losses.size(), 1u);
  EXPECT_EQ(losses[0].rank, 2);
  EXPECT_THAT(losses[0].reason, HasSubstr("no word from c"));
  EXPECT_TRUE(team.newly_lost(1002).empty());
  EXPECT_TRUE(team.lost(2));
}

}  // namespace
}  // namespace phasegrid::orchestrator
