// A cell that was stopped and continued, alone or in a pack, gives the bits of one that was not.
#include "worker/checkpoint.hpp"

#include <gtest/gtest.h>


#include "tests/worker/same_bits.hpp"
#include "tests/worker/support.hpp"

namespace phasegrid::worker {
namespace {

using sweeps::CellResult;
using test::expect_same_bits;
using sweeps::CellSpec;

const Device kDevice{cpu_kinds().back()};
const std::string kTrain = "steps = 40\nlearning_rate = 0.02\nweight_decay = 0.1\nclip = 0.5\nwarmup = 7\n[eval]\nevery = 6\neval_examples = 70\n";

// Trains up to a step and gives up there: a checkpoint of each cell.
std::vector<std::string> stop_at(std::span<const CellSpec> cells, std::int64_t step, std::span<const std::string> from = {}) {
  std::vector<std::string> saved;
  const auto results = run_pack(cells, kDevice, [&](const Progress& progress) {
    if (progress.step < step) return true;
    saved = (*progress.save)();
    return false;
  }, {}, nullptr, from);
  for (const CellResult& result : results) EXPECT_EQ(result.status, sweeps::Status::pending);
  return saved;
}

CellResult alone(const CellSpec& cell, std::vector<std::string> from = {}) { return run_pack(std::span(&cell, 1), kDevice, {}, {}, nullptr, from).front(); }

using test::mqar_cell;

class StoppedAt : public testing::TestWithParam<int> {};

TEST_P(StoppedAt, GoesOnWithTheSameBitsAlone) {
  const CellSpec cell = mqar_cell("mamba", "", kTrain);
  expect_same_bits(alone(cell, stop_at(std::span(&cell, 1), GetParam())), alone(cell));
}

TEST_P(StoppedAt, GoesOnWithTheSameBitsFromAPackAloneAndFromAloneInAPack) {
  const std::vector<CellSpec> cells{mqar_cell("mamba", "", kTrain, 1), mqar_cell("mamba", "", kTrain, 2), mqar_cell("mamba", "", kTrain, 3)};
  const auto saved = stop_at(cells, GetParam());
  expect_same_bits(alone(cells[1], {saved[1]}), alone(cells[1]));
  const std::vector<CellSpec> others{cells[2], cells[0]};
  const std::vector<std::string> states{stop_at(std::span(&cells[2], 1), GetParam()).front(), saved[0]};
  const auto together = run_pack(others, kDevice, {}, {}, nullptr, states);
  expect_same_bits(together[0], alone(cells[2]));
  expect_same_bits(together[1], alone(cells[0]));
}

INSTANTIATE_TEST_SUITE_P(Steps, StoppedAt, testing::Values(1, 5, 6, 17, 39));   // 6: an evaluation; 39: the last but one

TEST(Checkpoint, CanBeTakenAgainAfterAContinuation) {
  const CellSpec cell = mqar_cell("mamba2", "", kTrain);
  const auto first = stop_at(std::span(&cell, 1), 9);
  expect_same_bits(alone(cell, stop_at(std::span(&cell, 1), 23, first)), alone(cell));
}

TEST(Checkpoint, KeepsPatienceEpochsAndTheOrderOfExamples) {
  const CellSpec cell = mqar_cell("s4d", "", "steps = 300\nlearning_rate = 0.05\nexamples = 20\npatience = 3\n[eval]\nevery = 2\neval_examples = 30\n");
  const CellResult whole = alone(cell);
  ASSERT_LT(whole.steps, 300) << "patience ends this cell";
  expect_same_bits(alone(cell, stop_at(std::span(&cell, 1), whole.steps - 1)), whole);
}

TEST(Checkpoint, KeepsAModelOfAPackThatHasFinishedBeforeTheOthers) {
  std::vector<CellSpec> cells{mqar_cell("mamba", "", kTrain), mqar_cell("mamba", "", "steps = 8\nlearning_rate = 0.02\n[eval]\nevery = 6\neval_examples = 70\n")};
  const auto whole = run_pack(cells, kDevice);
  const auto together = run_pack(cells, kDevice, {}, {}, nullptr, stop_at(cells, 20));
  for (std::size_t m = 0; m < cells.size(); ++m) expect_same_bits(together[m], whole[m]);
}

TEST(Checkpoint, KeepsConstructedWeightsWithNoise) {
  const CellSpec cell = mqar_cell("mamba", "d = 64\nN = 8\ninit = \"construction\"\ninit_noise = 0.05\n", kTrain);
  expect_same_bits(alone(cell, stop_at(std::span(&cell, 1), 13)), alone(cell));
}

TEST(Checkpoint, IsNotOpenedWhereAByteIsWrongOrMissing) {
  const CellSpec cell = mqar_cell("mamba", "", kTrain);
  const std::string good = stop_at(std::span(&cell, 1), 3).front();
  ASSERT_EQ(open_checkpoint(good, cell, kDevice)->step, 3);
  for (const std::size_t place : {std::size_t{0}, std::size_t{30}, good.size() / 2, good.size() - 1}) {
    std::string bad = good;
    bad[place] = static_cast<char>(bad[place] ^ 4);
    EXPECT_FALSE(open_checkpoint(bad, cell, kDevice)) << "byte " << place;
  }
  for (const std::size_t size : {std::size_t{0}, std::size_t{40}, good.size() - 1}) EXPECT_FALSE(open_checkpoint(good.substr(0, size), cell, kDevice)) << size;
}

TEST(Checkpoint, IsOfOneCellAndOneDeviceKind) {
  const CellSpec cell = mqar_cell("mamba", "", kTrain);
  const std::string bytes = stop_at(std::span(&cell, 1), 3).front();
  EXPECT_FALSE(open_checkpoint(bytes, mqar_cell("mamba", "", kTrain, 1), kDevice)) << "another seed";
  EXPECT_FALSE(open_checkpoint(bytes, mqar_cell("mamba", "", "learning_rate = 0.03\n" + kTrain.substr(0, 11) + kTrain.substr(kTrain.find("weight"))), kDevice)) << "another rate";
  EXPECT_FALSE(open_checkpoint(bytes, cell, {"sm_90"})) << "another device kind";
}

TEST(Checkpoint, GroupsCellsByTheirStepAndLetsThoseWithABadOneBegin) {
  const std::vector<CellSpec> cells{mqar_cell("mamba", "", kTrain, 1), mqar_cell("mamba", "", kTrain, 2), mqar_cell("mamba", "", kTrain, 3), mqar_cell("mamba", "", kTrain, 4)};
  const auto three = stop_at(cells, 3), five = stop_at(cells, 5);
  std::vector<std::string> states{five[0], three[1], five[2], "torn"};
  EXPECT_EQ(group_by_step(cells, kDevice, states), (std::vector<std::vector<std::size_t>>{{3}, {1}, {0, 2}}));
  EXPECT_EQ(states[3], "");
  EXPECT_EQ(states[0], five[0]);
}

}  // namespace
}  // namespace phasegrid::worker
