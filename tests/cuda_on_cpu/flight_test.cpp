// Two packs in flight on one device, and cells that move on in smaller packs: the bits of a cell alone, whatever the
// memory.
#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/device/backend.hpp"
#include "tests/cuda_on_cpu/cuda_on_cpu.hpp"
#include "tests/worker/same_bits.hpp"
#include "tests/worker/support.hpp"

namespace phasegrid::worker::test {
namespace {

using sweeps::CellResult;
using sweeps::CellSpec;
using sweeps::Status;

Device there(int packs_in_flight = 2) { return {kernels::cuda_kinds().at(0), 1, packs_in_flight}; }

CellSpec cell_of(std::uint64_t index, const std::string& train, const std::string& T = "") {
  CellSpec cell =
      mqar_cell("mamba", "", train + "[eval]\nevery = 19\neval_examples = 20\n" + T, static_cast<int>(index));
  cell.index = index;
  return cell;
}
CellSpec of_steps(std::uint64_t index, int steps, const std::string& T = "") {
  return cell_of(index, "learning_rate = 0.02\nclip = 0.5\nsteps = " + std::to_string(steps) + "\n", T);
}

void expect_as_alone(const std::vector<CellSpec>& cells, const std::vector<CellResult>& found) {
  ASSERT_EQ(found.size(), cells.size());
  for (std::size_t i = 0; i < cells.size(); ++i) {
    SCOPED_TRACE(i);
    expect_same_bits(found[i], run_pack({&cells[i], 1}, there()).front());
  }
}

// Sets the limit back, however a test ends.
struct MemoryLimit {
  const std::size_t before = cuda_on_cpu::memory_limit;
  ~MemoryLimit() { cuda_on_cpu::memory_limit = before; }
};

std::size_t most_used(const std::vector<CellSpec>& cells, const Device& device) {
  cuda_on_cpu::most_used = 0;
  run_pack(cells, device);
  return cuda_on_cpu::most_used;
}

TEST(CudaFlight, OfTwoPacksGivesEveryCellTheBitsThatItHasAlone) {
  std::vector<CellSpec> cells;
  for (std::uint64_t i = 0; i < 5; ++i) cells.push_back(of_steps(i, 20 + static_cast<int>(i), "T = [20]\n"));
  std::size_t packs = 0;
  const auto found = run_pack(cells, there(), [&](const Progress& p) { return packs = p.packs, true; });
  EXPECT_EQ(packs, 2u);
  expect_as_alone(cells, found);
  const auto one = run_pack(cells, there(1), [&](const Progress& p) { return packs = p.packs, true; });
  EXPECT_EQ(packs, 1u);
  for (std::size_t i = 0; i < cells.size(); ++i) expect_same_bits(one[i], found[i]);
}

TEST(CudaFlightSteps, OfTwoPacksAreTwoGraphsAndWaitForNeither) {
  std::vector<CellSpec> cells;
  for (std::uint64_t i = 0; i < 4; ++i)
    cells.push_back(mqar_cell("mamba", "", "steps = 60\n[eval]\neval_examples = 20\nevery = 59", static_cast<int>(i)));
  std::vector<std::uint64_t> launches, waits;
  run_pack(cells, there(), [&](const Progress& p) {
    EXPECT_EQ(p.packs, 2u);
    launches.push_back(cuda_on_cpu::launches), waits.push_back(cuda_on_cpu::waits);
    return true;
  });
  ASSERT_EQ(launches.size(), 60u);
  EXPECT_EQ(launches[50], launches[0]) << "launches";
  EXPECT_EQ(waits[50], waits[0]) << "waits for the device";
}

TEST(CudaFlight, MovesOnInSmallerPacks) {
  const std::vector<CellSpec> cells{of_steps(0, 80),
                                    of_steps(1, 10),
                                    cell_of(2, "learning_rate = 10\nweight_decay = 0.7\nwarmup = 80\nsteps = 80\n"),
                                    cell_of(3, "learning_rate = 0.02\nsteps = 80\nstop_at_accuracy = 0.01\n"),
                                    of_steps(4, 80),
                                    of_steps(5, 12)};
  std::vector<std::size_t> models;
  std::size_t first = 0, last = 0;
  const auto found = run_pack(cells, there(), [&](const Progress& p) {
    models.push_back(p.models);
    if (p.step == 5) first = cuda_on_cpu::used_now();
    if (p.step == 75) last = cuda_on_cpu::used_now();
    return true;
  });
  expect_as_alone(cells, found);
  EXPECT_EQ(found[2].status, Status::diverged);
  ASSERT_EQ(models.size(), 80u);
  EXPECT_EQ(models.front(), 6u);
  EXPECT_LE(models.back(), 3u);
#if !defined(PHASEGRID_REAL_GPU)
  EXPECT_LT(last, first) << "bytes on the device";
#endif
}

TEST(CudaFlightMemory, SplitsWhatDoesNotFitInTheMiddleOfTraining) {
  std::vector<CellSpec> cells;
  for (std::uint64_t i = 0; i < 4; ++i) cells.push_back(of_steps(i, 10 + static_cast<int>(i)));
  const auto expected = run_pack(cells, there());
  const MemoryLimit limit;
  const std::size_t all = most_used(cells, there()), alone = most_used({cells[0]}, there());
  for (const std::size_t bytes : {all - 1, all / 2, alone}) {
    cuda_on_cpu::memory_limit = bytes;
    const auto found = run_pack(cells, there());
    for (std::size_t i = 0; i < cells.size(); ++i) expect_same_bits(found[i], expected[i]);
  }
}

// Tests at other lengths take memory, too, and come last.
TEST(CudaFlightMemory, SplitsWhatDoesNotFitWhenItIsTested) {
  std::vector<CellSpec> cells;
  for (std::uint64_t i = 0; i < 4; ++i) cells.push_back(of_steps(i, 10 + static_cast<int>(i), "T = [100]\n"));
  const auto expected = run_pack(cells, there());
  const MemoryLimit limit;
  std::int64_t last = 0;
  cuda_on_cpu::most_used = 0;
  std::size_t training = 0;
  run_pack(cells, there(), [&](const Progress&) { return training = cuda_on_cpu::most_used, true; });
  ASSERT_GT(cuda_on_cpu::most_used, training);
  cuda_on_cpu::memory_limit = cuda_on_cpu::most_used - 1;
  std::int64_t steps = 0;
  const auto found = run_pack(cells, there(), [&](const Progress& p) { return ++steps, last = p.step, true; });
  EXPECT_GT(steps, last) << "it was trained again, in halves";
  for (std::size_t i = 0; i < cells.size(); ++i) expect_same_bits(found[i], expected[i]);
}

// Whoever takes memory in the meantime: the cells go on from where they were, not from their beginning.
TEST(CudaFlightMemory, SplitsASmallerPackThatDoesNotFitEither) {
  std::vector<CellSpec> cells;
  for (std::uint64_t i = 0; i < 6; ++i) cells.push_back(of_steps(i, i % 2 ? 8 : 80 + static_cast<int>(i)));
  const auto expected = run_pack(cells, there());
  const MemoryLimit limit;
  const std::size_t two = most_used({cells[0], cells[2]}, there());
  std::vector<std::int64_t> steps;
  const auto found = run_pack(cells, there(), [&](const Progress& p) {
    if (p.step == 8) cuda_on_cpu::memory_limit = two;
    if (p.models < 6) steps.push_back(p.step);
    return p.models == 6 || p.models <= 2;
  });
  EXPECT_EQ(steps.front(), 9);
  EXPECT_EQ(std::count(steps.begin(), steps.end(), 9), 2) << "one half after the other";
  for (std::size_t i = 0; i < cells.size(); ++i) expect_same_bits(found[i], expected[i]);
}

TEST(CudaFlightMemory, IsAllGivenBack) {
  run_pack(std::vector<CellSpec>{of_steps(0, 60), of_steps(1, 3), of_steps(2, 4), of_steps(3, 5)}, there());
  EXPECT_EQ(cuda_on_cpu::used_now(), 0u);
}

}  // namespace
}  // namespace phasegrid::worker::test
