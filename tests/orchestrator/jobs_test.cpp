#include "orchestrator/jobs.hpp"

#include <gmock/gmock.h>

#include "worker/schema.hpp"

namespace phasegrid::orchestrator {
namespace {

sweeps::Grid grid() {
  return sweeps::Grid::parse(
      "[sweep]\nname = \"jobs\"\nseeds = 4\n[task]\nname = \"mqar\"\nnu = 8\nkappa = 4\nT = 32\n[model]\nN = 4\n"
      "[axes]\nvariant = [\"mamba\", \"s4d\"]\nd = [4, 8, 16]\n",
      "jobs.toml", worker::make_schema());
}

std::optional<Took> missing(std::uint64_t) { return std::nullopt; }

TEST(Jobs, ShardsShareTheCellsWithoutOverlap) {
  std::vector<int> owners(grid().size(), 0);
  for (std::uint64_t number = 1; number <= 5; ++number)
    for (const Job& job : missing_jobs(grid(), {}, missing, 1, {number, 5}).jobs) ++owners[job.cell];
  EXPECT_THAT(owners, testing::Each(1));
}

TEST(Jobs, ACostIsItsPredictionOnThisMachine) {
  sweeps::Rates slow;
  for (double* rate : {&slow.flop_rate, &slow.exp_rate, &slow.position_rate, &slow.step_rate}) *rate /= 10;
  const JobList fast_list = missing_jobs(grid(), {}, missing, 1, {}),
                slow_list = missing_jobs(grid(), slow, missing, 1, {});
  ASSERT_EQ(fast_list.jobs.size(), grid().size());
  const double first = sweeps::predicted_seconds(grid().schema().cost(grid().cell(0).settings), {});
  EXPECT_DOUBLE_EQ(fast_list.jobs[0].cost, first);
  for (std::size_t i = 0; i < fast_list.jobs.size(); ++i)
    EXPECT_NEAR(slow_list.jobs[i].cost, 10 * fast_list.jobs[i].cost, 1e-9 * slow_list.jobs[i].cost);
}

TEST(Jobs, TellsByFamilyWhatKeptCellsTook) {
  const auto took = [](std::uint64_t cell) -> std::optional<Took> {
    return cell < 4 ? std::optional(Took{100, 0}) : cell < 6 ? std::optional(Took{}) : std::nullopt;
  };
  const JobList list = missing_jobs(grid(), {}, took, 1, {});
  EXPECT_EQ(list.kept, 6u);
  EXPECT_EQ(list.jobs.size(), grid().size() - 6);
  ASSERT_EQ(list.known.size(), 1u) << "only cells of the first variant are kept";
  EXPECT_DOUBLE_EQ(list.known[0].seconds, 400);
  EXPECT_DOUBLE_EQ(list.known[0].cost,
                   4 * sweeps::predicted_seconds(grid().schema().cost(grid().cell(0).settings), {}));
}

}  // namespace
}  // namespace phasegrid::orchestrator
