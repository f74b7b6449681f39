// Whole trainings of packs on the device, from the first step to the results: against the CPU, packed and alone, with a
// cell that diverges and with too little memory.
#include <gmock/gmock.h>

#include <cstring>

#include "kernels/device/backend.hpp"
#include "tests/cuda_on_cpu/cuda_on_cpu.hpp"
#include "tests/worker/support.hpp"

namespace phasegrid::worker::test {
namespace {

using sweeps::CellResult;
using sweeps::CellSpec;
using sweeps::Status;
using testing::HasSubstr;

const Device kHere{cpu_kinds().back()};
Device there() { return {kernels::cuda_kinds().at(0)}; }

// Learning rates, seeds, clips and schedules of their own; evaluations at different steps.
std::vector<CellSpec> mixed(const std::string& variant, int cells, const std::string& model = "", int steps = 10) {
  std::vector<CellSpec> specs;
  for (int i = 0; i < cells; ++i) {
    const std::string n = std::to_string(i + 1), every = std::to_string(steps > 20 ? steps - 1 - i : 3 + 2 * i);
    specs.push_back(mqar_cell(variant, model,
                              "steps = " + std::to_string(steps) + "\nclip = " + n + "\nlearning_rate = 0.00" + n +
                                  "\n[eval]\neval_examples = 100\nevery = " + every,
                              i));
    specs.back().index = static_cast<std::uint64_t>(i);
  }
  return specs;
}
CellSpec diverging(const CellSpec& spec, const std::string& variant) {
  CellSpec wild = mqar_cell(variant, "", "steps = 70\nlearning_rate = 100\n[eval]\neval_examples = 100\nevery = 69", 5);
  wild.index = spec.index;
  return wild;
}

// Everything but the time.
void expect_same_bits(const CellResult& a, const CellResult& b) {
  EXPECT_EQ(a.index, b.index);
  EXPECT_EQ(a.status, b.status);
  EXPECT_EQ(a.reason, b.reason);
  EXPECT_EQ(a.steps, b.steps);
  EXPECT_EQ(a.examples, b.examples);
  EXPECT_EQ(a.best_step, b.best_step);
  const auto same = [](double x, double y) { return std::memcmp(&x, &y, sizeof x) == 0; };
  EXPECT_TRUE(same(a.accuracy, b.accuracy)) << a.accuracy << " and " << b.accuracy;
  EXPECT_TRUE(same(a.loss, b.loss)) << a.loss << " and " << b.loss;
  EXPECT_TRUE(same(a.accuracy_final, b.accuracy_final));
  ASSERT_EQ(a.curve.size(), b.curve.size());
  for (std::size_t i = 0; i < a.curve.size(); ++i) {
    EXPECT_EQ(a.curve[i].step, b.curve[i].step);
    EXPECT_TRUE(same(a.curve[i].loss, b.curve[i].loss)) << "validation loss of step " << a.curve[i].step;
    EXPECT_TRUE(same(a.curve[i].train_loss, b.curve[i].train_loss)) << "training loss up to step " << a.curve[i].step;
  }
}

class CudaPack : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Variants, CudaPack, testing::Values("mamba", "mamba_delta_t"),
                         [](const auto& info) { return info.param; });

TEST_P(CudaPack, HasTheResultsOfTheCpu) {
  const auto cells = mixed(GetParam(), 3);
  const auto expected = run_pack(cells, kHere), found = run_pack(cells, there());
  for (std::size_t i = 0; i < cells.size(); ++i) {
    ASSERT_EQ(found[i].status, Status::done) << found[i].reason;
    EXPECT_EQ(found[i].steps, expected[i].steps);
    EXPECT_EQ(found[i].examples, expected[i].examples);
    EXPECT_NEAR(found[i].loss, expected[i].loss, 1e-4 * expected[i].loss);
    ASSERT_EQ(found[i].curve.size(), expected[i].curve.size());
    for (std::size_t k = 0; k < found[i].curve.size(); ++k) {
      EXPECT_EQ(found[i].curve[k].step, expected[i].curve[k].step);
      EXPECT_NEAR(found[i].curve[k].loss, expected[i].curve[k].loss, 1e-4 * expected[i].curve[k].loss);
      EXPECT_NEAR(found[i].curve[k].train_loss, expected[i].curve[k].train_loss,
                  1e-4 * expected[i].curve[k].train_loss);
    }
  }
}

TEST_P(CudaPack, GivesACellTheBitsThatItHasAlone) {
  const auto cells = mixed(GetParam(), 4);
  const auto together = run_pack(cells, there());
  for (std::size_t i = 0; i < cells.size(); ++i) {
    SCOPED_TRACE(i);
    expect_same_bits(together[i], run_pack({&cells[i], 1}, there()).front());
  }
}

// The host does not look after every step: what it learns later must be as if it had.
TEST(CudaPackSteps, FreezeACellThatDivergesInItsVeryStep) {
  auto cells = mixed("mamba", 3, "", 70);
  const auto without = run_pack(cells, there());
  cells[1] = diverging(cells[1], "mamba");
  const auto with = run_pack(cells, there());
  const auto on_cpu = run_pack({&cells[1], 1}, kHere).front();
  EXPECT_EQ(on_cpu.status, Status::diverged);
  EXPECT_EQ(with[1].status, Status::diverged);
  EXPECT_EQ(with[1].reason, on_cpu.reason);
  EXPECT_EQ(with[1].steps, on_cpu.steps);
  EXPECT_EQ(with[1].examples, on_cpu.examples);
  expect_same_bits(with[0], without[0]);
  expect_same_bits(with[2], without[2]);
}

// Noise on embeddings leaves the batches to the host, whose threads share the models of a pack.
TEST(CudaPackThreads, DrawTheSameBatchesWhateverTheirNumber) {
  std::vector<CellSpec> cells;
  for (int i = 0; i < 3; ++i) {
    cells.push_back(mqar_cell("mamba", "", "steps = 4\n[eval]\neval_examples = 70\nevery = 2", i, kMqar + "embedding_noise = 0.3\n"));
    cells.back().index = static_cast<std::uint64_t>(i);
  }
  Device alone = there(), shared = there();
  shared.threads = 3;
  const auto expected = run_pack(cells, alone), found = run_pack(cells, shared);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    SCOPED_TRACE(i);
    EXPECT_EQ(expected[i].status, Status::done) << expected[i].reason;
    expect_same_bits(found[i], expected[i]);
  }
}

TEST(CudaPackMemory, SplitsAPackThatDoesNotFit) {
  const auto cells = mixed("mamba", 4);
  const auto together = run_pack(cells, there());
  const std::size_t limit = cuda_on_cpu::memory_limit;
  cuda_on_cpu::most_used = 0;
  run_pack({&cells[0], 1}, there());
  const std::size_t alone = cuda_on_cpu::most_used;
  cuda_on_cpu::most_used = 0;
  run_pack(cells, there());
  ASSERT_GT(cuda_on_cpu::most_used, 2 * alone);
  cuda_on_cpu::memory_limit = cuda_on_cpu::most_used - 1;
  std::int64_t began = 0;
  const auto split = run_pack(cells, there(), [&](const Progress& p) { return began += p.step == 1, true; });
  cuda_on_cpu::memory_limit = alone - 1;
  const auto none = run_pack(cells, there());
  cuda_on_cpu::memory_limit = limit;
  EXPECT_GE(began, 2);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    SCOPED_TRACE(i);
    expect_same_bits(split[i], together[i]);
    EXPECT_EQ(none[i].status, Status::out_of_memory);
    EXPECT_EQ(none[i].index, i);
  }
}

TEST(CudaPackMemory, IsAllGivenBack) {
  const auto cells = mixed("mamba", 2);
  run_pack(cells, there());
  EXPECT_EQ(cuda_on_cpu::used_now(), 0u);
}

// Kernels are launched one by one in the first step only, and between two looks nothing is read back.
TEST(CudaPackSteps, AreOneGraphAndDoNotWait) {
  const auto cells = mixed("mamba", 2, "", 60);
  std::vector<std::uint64_t> launches, waits;
  run_pack(cells, there(), [&](const Progress&) {
    launches.push_back(cuda_on_cpu::launches), waits.push_back(cuda_on_cpu::waits);
    return true;
  });
  ASSERT_EQ(launches.size(), 60u);
  EXPECT_EQ(launches[50], launches[0]) << "launches";  // the first evaluation is at step 58
  EXPECT_EQ(waits[50], waits[0]) << "waits for the device";
}

}  // namespace
}  // namespace phasegrid::worker::test
