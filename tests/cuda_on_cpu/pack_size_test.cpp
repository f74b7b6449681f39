// What a rehearsal says a pack takes, against what it takes from the device: every variant that runs there, several sizes.
#include "worker/pack_size.hpp"

#include <gtest/gtest.h>

#include "kernels/device/backend.hpp"
#include "kernels/device/rehearsal.hpp"
#include "tests/cuda_on_cpu/cuda_on_cpu.hpp"
#include "tests/worker/support.hpp"

namespace phasegrid::worker::test {
namespace {

struct Setting {
  const char *name, *model, *task, *eval;
  int cells, packs_in_flight;
};
const std::string kLonger = "name = \"mqar\"\nkappa = 20\nnu = 11\npairs = 4\nT = 40\n";
const Setting kSettings[] = {
    {"small", "", nullptr, "", 3, 1},
    {"alone", "d = 40\nN = 8", nullptr, "", 1, 2},
    {"wide", "d = 70\nN = 18\nexpand = 2", nullptr, "", 2, 1},
    {"long", "d = 16", kLonger.c_str(), "", 4, 1},
    {"two_in_flight", "d = 33", kLonger.c_str(), "", 5, 2},
    {"three_layers", "layers = 3\nconv = 3\nnorm = \"layer\"\nresidual = true", nullptr, "", 2, 1},
    {"tested_at_other_lengths", "d = 20\npositional = \"learned\"", nullptr, "T = [14, 50, 30]", 3, 1},
};

std::vector<std::string> variants() {
  std::vector<std::string> names;
  for (const VariantEntry& variant : all_variants())
    if (std::string(variant.name) != "s4") names.push_back(variant.name);  // not on a device
  return names;
}

class CudaPackBytes : public testing::TestWithParam<std::tuple<std::string, Setting>> {};
INSTANTIATE_TEST_SUITE_P(EveryVariant, CudaPackBytes,
                         testing::Combine(testing::ValuesIn(variants()), testing::ValuesIn(kSettings)),
                         [](const auto& info) { return std::get<0>(info.param) + "_" + std::get<1>(info.param).name; });

TEST_P(CudaPackBytes, AreWithinATwentiethOfWhatIsTaken) {
  const auto& [variant, setting] = GetParam();
  std::vector<sweeps::CellSpec> cells;
  for (int seed = 0; seed < setting.cells; ++seed)
    cells.push_back(mqar_cell(variant, setting.model,
                              "batch = 3\nsteps = 2\n[eval]\neval_examples = 3\nevery = 2\n" + std::string(setting.eval),
                              seed, setting.task ? setting.task : kMqar));
  const std::uint64_t launches = cuda_on_cpu::launches;
  const std::size_t before = cuda_on_cpu::used_now();
  const double said = static_cast<double>(pack_bytes(cells.front()).of(setting.cells));
  EXPECT_EQ(cuda_on_cpu::launches, launches) << "a rehearsal launches nothing";
  EXPECT_EQ(cuda_on_cpu::used_now(), before) << "and takes nothing";
  cuda_on_cpu::most_used = 0;
  run_pack(cells, {kernels::cuda_kinds().at(0), 1, setting.packs_in_flight});
  const double took = static_cast<double>(cuda_on_cpu::most_used);
  EXPECT_NEAR(said, took, 0.05 * took);
}

TEST(CudaPackSize, FillsMemoryOrTheMultiprocessors) {
  const sweeps::CellSpec cell = mqar_cell("mamba", "d = 64\nN = 16", "batch = 64\nsteps = 10");
  kernels::Gpu gpu;
  gpu.multiprocessors = 132, gpu.bytes = std::int64_t{80} << 30;
  const int busy = pack_size(cell, gpu);
  EXPECT_EQ(busy, (8 * 16 * 132 + 127) / 128) << "64 sequences of 64 channels: 128 warps a model";
  gpu.bytes = pack_bytes(cell).of(10) * 10 / 9 + 1000;
  EXPECT_EQ(pack_size(cell, gpu), 10) << "a tenth of the memory is not ours";
  gpu.bytes = 1;
  EXPECT_EQ(pack_size(cell, gpu), 1) << "whether it fits is seen when it trains";
}

TEST(CudaRehearsal, NeedsNoDevice) {
  const kernels::Rehearsal rehearsal;
  EXPECT_NE(kernels::cuda_operations("sm_77"), nullptr);
  EXPECT_THROW(kernels::Rehearsal(), std::logic_error);
}

}  // namespace
}  // namespace phasegrid::worker::test
