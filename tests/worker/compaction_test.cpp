// Cells that finish early leave the pack, and the others move on in a smaller one: same results, order and bits as
// alone.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/worker/same_bits.hpp"
#include "tests/worker/support.hpp"

namespace phasegrid::worker::test {
namespace {

using sweeps::CellResult;
using sweeps::CellSpec;
using sweeps::Status;

const Device kDevice{cpu_kinds().back()};
const std::string kTests = "[eval]\nevery = 7\neval_examples = 70\nT = [14, 20]\n";

CellSpec cell_of(std::uint64_t index, const std::string& train, const std::string& model = "") {
  CellSpec cell = mqar_cell("mamba", model, train + kTests, static_cast<int>(index));
  cell.index = index;
  return cell;
}
CellSpec of_steps(std::uint64_t index, int steps) {
  return cell_of(index, "learning_rate = 0.02\nclip = 0.5\nsteps = " + std::to_string(steps) + "\n");
}

// Ends by each of the stop rules, some early and some late.
std::vector<CellSpec> cells_that_end_in_turn() {
  return {of_steps(0, 150),
          of_steps(1, 14),
          cell_of(2, "learning_rate = 100\nsteps = 150\n"),  // diverges soon
          cell_of(3, "learning_rate = 0.02\nsteps = 150\npatience = 1\n"),
          cell_of(4, "learning_rate = 0.02\nsteps = 150\nstop_at_accuracy = 0.01\n"),
          of_steps(5, 80),
          cell_of(6, "learning_rate = 0.02\nexamples = 20\nsteps = 149\n"),
          of_steps(7, 20)};
}

void expect_as_alone(const std::vector<CellSpec>& cells, const std::vector<CellResult>& found) {
  ASSERT_EQ(found.size(), cells.size());
  for (std::size_t i = 0; i < cells.size(); ++i) {
    SCOPED_TRACE(i);
    expect_same_bits(found[i], run_pack({&cells[i], 1}, kDevice).front());
  }
}

TEST(Compaction, GivesEveryCellTheBitsThatItHasAlone) {
  const auto cells = cells_that_end_in_turn();
  std::vector<std::size_t> models;
  const auto found = run_pack(cells, kDevice, [&](const Progress& p) { return models.push_back(p.models), true; });
  expect_as_alone(cells, found);
  EXPECT_EQ(found[2].status, Status::diverged);
  ASSERT_EQ(models.size(), 150u);
  EXPECT_EQ(models.front(), 8u);
  EXPECT_LE(models[80], 4u);
  EXPECT_TRUE(std::is_sorted(models.rbegin(), models.rend())) << "a pack never grows";
}

TEST(Compaction, ComesOnlyWhenHalfOfTheCellsHaveFinishedAndStepsAreLeft) {
  const auto sizes = [](const std::vector<CellSpec>& cells) {
    std::vector<std::size_t> models;
    run_pack(cells, kDevice, [&](const Progress& p) { return models.push_back(p.models), true; });
    return std::pair(models.front(), models.back());
  };
  EXPECT_EQ(sizes({of_steps(0, 80), of_steps(1, 80), of_steps(2, 10)}), std::pair(std::size_t{3}, std::size_t{3}));
  EXPECT_EQ(sizes({of_steps(0, 80), of_steps(1, 10), of_steps(2, 10)}), std::pair(std::size_t{3}, std::size_t{1}));
  EXPECT_EQ(sizes({of_steps(0, 40), of_steps(1, 10), of_steps(2, 10)}), std::pair(std::size_t{3}, std::size_t{3}))
      << "30 steps are not worth a move";
}

// Weights that an ever larger decay throws beyond zero grow until they overflow: in the smaller pack, after the move.
TEST(Compaction, LetsACellDivergeLater) {
  const std::vector<CellSpec> cells{of_steps(0, 120),
                                    cell_of(1, "learning_rate = 10\nweight_decay = 0.7\nwarmup = 119\nsteps = 120\n"),
                                    of_steps(2, 3), of_steps(3, 5)};
  const auto found = run_pack(cells, kDevice);
  EXPECT_EQ(found[1].status, Status::diverged);
  EXPECT_GT(found[1].steps, 30);
  expect_as_alone(cells, found);
}

TEST(Compaction, KeepsCheckpointsOfCellsThatHaveLeft) {
  const auto cells = cells_that_end_in_turn();
  std::vector<std::string> saved;
  const auto stopped = run_pack(cells, kDevice, [&](const Progress& p) {
    if (p.step < 90) return true;
    EXPECT_LT(p.models, cells.size());
    saved = (*p.save)();
    return false;
  });
  EXPECT_EQ(stopped[0].status, Status::pending);
  expect_same_bits(stopped[1], run_pack({&cells[1], 1}, kDevice).front());  // it had left, tested
  ASSERT_EQ(saved.size(), cells.size());
  for (const auto& group : group_by_step(cells, kDevice, saved)) {
    std::vector<CellSpec> some;
    std::vector<std::string> states;
    for (const std::size_t i : group) {
      EXPECT_FALSE(saved[i].empty()) << i;
      some.push_back(cells[i]), states.push_back(saved[i]);
    }
    expect_as_alone(some, run_pack(some, kDevice, {}, {}, nullptr, states));
  }
}

}  // namespace
}  // namespace phasegrid::worker::test
