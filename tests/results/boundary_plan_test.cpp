// The search over a whole sweep, on outcomes that are known beforehand.
#include "results/analysis/boundary_plan.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <random>
#include <set>

#include "tests/results/small_sweep.hpp"

namespace phasegrid::results::analysis {
namespace {

using testing::grid_of;

const std::string kHead = "[sweep]\nname = \"search\"\nseeds = 5\n[task]\nname = \"mqar\"\n[axes]\nkappa = [2, 4, 8]\n";
const std::string kAxis = "d = [1, 2, 4, 8, 16, 32, 64]\n";
const std::string kSearch = "[search]\nmode = \"boundary\"\naxis = \"d\"\n";

// Success from 2 kappa on, with seeds that differ by some tenths of an octave; the best of two learning rates by 0.1.
sweeps::CellResult train(const sweeps::Grid& grid, std::uint64_t cell) {
  const sweeps::CellSpec spec = grid.cell(cell);
  const double from = 2 * spec.settings.real("kappa") * std::exp2(0.1 * static_cast<double>(spec.seed - 2));
  const bool slow = spec.settings.real("learning_rate") > 0.5;
  sweeps::CellResult result;
  result.index = cell, result.status = sweeps::Status::done;
  result.accuracy = spec.settings.real("d") >= from && !slow ? 0.97 : 0.4;
  result.accuracy_validation = slow ? 0.1 : 0.5;
  return result;
}

// Trains what is asked for in an order of its own, up to `most` cells at a time. Returns all that was asked for.
std::set<std::uint64_t> search(BoundaryPlan& plan, const sweeps::Grid& grid, unsigned order, std::size_t most) {
  std::mt19937 random(order);
  std::vector<std::uint64_t> waiting = plan.advance();
  std::set<std::uint64_t> asked(waiting.begin(), waiting.end());
  while (!waiting.empty()) {
    std::shuffle(waiting.begin(), waiting.end(), random);
    for (std::size_t i = 0; i < most && !waiting.empty(); ++i) {
      plan.know(train(grid, waiting.back()));
      waiting.pop_back();
    }
    for (const std::uint64_t cell : plan.advance()) {
      EXPECT_TRUE(asked.insert(cell).second) << "cell " << cell << " was asked for twice";
      waiting.push_back(cell);
    }
  }
  return asked;
}

TEST(BoundaryPlan, FindsTheBoundaryOfEachColumnWithFewCells) {
  const sweeps::Grid grid = grid_of(kHead + kAxis + kSearch);
  BoundaryPlan plan(grid);
  const auto asked = search(plan, grid, 1, 1);
  ASSERT_EQ(plan.columns(), 3u);
  EXPECT_TRUE(plan.finished());
  EXPECT_EQ(plan.asked(), asked.size());
  for (std::size_t i = 0; i < 3; ++i) {
    const auto column = plan.column(i);
    const double truth = 4 << i;
    EXPECT_LT(std::abs(std::log2(column.x / truth)), 0.35) << column.label;
    EXPECT_LE(column.low, truth);
    EXPECT_GE(column.high, truth);
    EXPECT_LT(column.asked, 40u);
    EXPECT_TRUE(column.done && column.monotone);
  }
  EXPECT_EQ(plan.column(1).label, "kappa=4");
}

TEST(BoundaryPlan, AsksForTheSameCellsInWhateverOrderResultsCome) {
  const sweeps::Grid grid = grid_of(kHead + kAxis + kSearch + "probes_per_round = 9\n");
  BoundaryPlan one(grid);
  const auto asked = search(one, grid, 1, 1);
  for (const std::size_t most : {1, 3, 50})
    for (const unsigned order : {2u, 3u}) {
      BoundaryPlan other(grid);
      EXPECT_EQ(search(other, grid, order, most), asked);
      for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(other.column(i).x, one.column(i).x);
    }
}

TEST(BoundaryPlan, ReplaysWhatIsKnownAndAsksForTheRest) {
  const sweeps::Grid grid = grid_of(kHead + kAxis + kSearch);
  BoundaryPlan whole(grid);
  const auto all = search(whole, grid, 1, 2);
  BoundaryPlan first(grid);
  std::set<std::uint64_t> known;
  for (auto cells = first.advance(); known.size() < all.size() / 2; cells = first.advance())
    for (const std::uint64_t cell : cells) known.insert(cell), first.know(train(grid, cell));
  BoundaryPlan second(grid);
  for (const std::uint64_t cell : known) second.know(train(grid, cell));
  for (const std::uint64_t cell : search(second, grid, 5, 4)) {
    EXPECT_FALSE(known.contains(cell)) << "known cells are not trained again";
    known.insert(cell);
  }
  EXPECT_EQ(known, all);
}

TEST(BoundaryPlan, SharesABudgetAndSpendsWhatIsLeftOver) {
  for (const std::uint64_t budget : {1u, 10u, 25u, 40u}) {
    const sweeps::Grid grid = grid_of(kHead + kAxis + kSearch + "budget = " + std::to_string(budget) + "\n");
    BoundaryPlan plan(grid);
    EXPECT_EQ(search(plan, grid, 1, 1).size(), budget);
    EXPECT_TRUE(plan.finished());
  }
}

TEST(BoundaryPlan, KeepsABudgetOfCountedCost) {
  const sweeps::Grid grid = grid_of(kHead + kAxis + kSearch + "budget_cost = 20000\n");
  BoundaryPlan plan(grid);
  search(plan, grid, 1, 1);
  EXPECT_LE(plan.cost(), 20000);
  EXPECT_GT(plan.cost(), 10000);
  EXPECT_TRUE(plan.finished());
}

TEST(BoundaryPlan, JudgesAProbeByTheBestOfTheReducedValues) {
  const sweeps::Grid grid =
      grid_of(kHead + kAxis + "learning_rate = { values = [0.1, 1.0], reduce = \"max\" }\n" + kSearch);
  BoundaryPlan plan(grid);
  const auto asked = search(plan, grid, 1, 3);
  EXPECT_EQ(plan.columns(), 3u);
  EXPECT_EQ(asked.size() % 2, 0u);
  EXPECT_LT(std::abs(std::log2(plan.column(0).x / 4)), 0.35);
}

TEST(BoundaryPlan, StartsFromANeighbourWhereTheoryHasNoGuess) {
  const sweeps::Grid grid = grid_of(kHead + kAxis + "N = [3]\n[model]\nvariant = \"mamba2\"\ngate = false\n" + kSearch);
  BoundaryPlan plan(grid);
  const auto first = plan.advance();
  std::size_t waiting = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    const auto column = plan.column(i);
    EXPECT_TRUE(column.guess || column.waits || i == 1) << "only the middle one begins with nothing";
    waiting += column.waits;
  }
  for (const std::uint64_t cell : first) plan.know(train(grid, cell));
  search(plan, grid, 1, 1);
  EXPECT_TRUE(plan.finished());
  EXPECT_TRUE(waiting == 0 || plan.column(0).guess) << "taken from the neighbour";
}

TEST(BoundaryPlan, LeavesOutImpossibleWidthsAndFailedProbes) {
  const sweeps::Grid grid = grid_of(kHead + kAxis + "variant = [\"s4d\"]\n[model]\nN = \"d\"\n" + kSearch);
  BoundaryPlan plan(grid);
  std::vector<std::uint64_t> waiting = plan.advance();
  std::size_t trained = 0;
  while (!waiting.empty()) {
    sweeps::CellResult result = train(grid, waiting.back());
    EXPECT_FALSE(grid.infeasible(result.index)) << grid.label(result.index);
    if (++trained % 7 == 0) result.status = sweeps::Status::failed, result.accuracy = sweeps::kNaN;
    waiting.pop_back();
    plan.know(result);
    for (const std::uint64_t cell : plan.advance()) waiting.push_back(cell);
  }
  EXPECT_TRUE(plan.finished());
  for (std::size_t i = 0; i < 3; ++i) EXPECT_LT(std::abs(std::log2(plan.column(i).x / (4 << i))), 0.6);
}

TEST(BoundaryPlan, InfersWhatLiesBeyondTheInterval) {
  const sweeps::Grid grid = grid_of(kHead + kAxis + kSearch);
  BoundaryPlan plan(grid);
  const std::uint64_t large = grid.find("kappa=2,d=64,seed=4"), near = grid.find("kappa=2,d=4,seed=4");
  EXPECT_FALSE(plan.inferred(large)) << "nothing is known";
  search(plan, grid, 1, 1);
  EXPECT_TRUE(plan.inferred(large));
  EXPECT_FALSE(plan.inferred(near));
}

TEST(BoundaryPlan, SharesAreOfColumns) {
  const sweeps::Grid grid = grid_of(kHead + kAxis + kSearch);
  std::set<std::uint64_t> together;
  for (std::uint64_t number = 1; number <= 2; ++number) {
    BoundaryPlan plan(grid, {number, 2});
    for (const std::uint64_t cell : search(plan, grid, 1, 1))
      EXPECT_TRUE(together.insert(cell).second);
  }
  BoundaryPlan whole(grid);
  EXPECT_EQ(together, search(whole, grid, 1, 1));
}

}  // namespace
}  // namespace phasegrid::results::analysis
