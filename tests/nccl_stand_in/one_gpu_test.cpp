// What one GPU can show of a gang: that NCCL is there, begins, gathers, adds up and ends, and that who waits in vain
// gives up. The same tests run with the stand-ins (nccl_stand_in_test) and on a real GPU (nccl_gpu_test, `ctest -L
// gpu`).
#include <gtest/gtest.h>

#include "kernels/device/backend.hpp"
#include "tests/worker/same_bits.hpp"
#include "tests/worker/support.hpp"
#include "worker/gang.hpp"
#include "worker/replicas_nccl.hpp"

namespace phasegrid::worker::test {
namespace {

std::string device_kind() { return kernels::cuda_kinds().at(0); }

TEST(NcclOnOneGpu, GathersAndSumsWhatItsOnlyMemberBrings) {
  EXPECT_TRUE(built_with_nccl());
  const auto memory = kernels::memory(device_kind(), 1);
  const auto replicas = nccl_replicas(nccl_key(), 0, 1, [] { return true; });
  Gang gang(replicas.get());
  constexpr int kSize = 10'000;  // what the stand-in has room for
  gang.reserve(kSize, sizeof(float), 4);
  float* gradient = memory->allocate_array<float>(kSize);
  std::vector<float> mine(kSize), sum(kSize);
  for (int i = 0; i < kSize; ++i) mine[static_cast<std::size_t>(i)] = 1.0f / static_cast<float>(i + 1);
  for (int step = 0; step < 10; ++step) {
    memory->set(gradient, mine.data(), kSize * sizeof(float));
    EXPECT_EQ(gang.mean_loss(0.1 + step, 7), 0.1 + step);
    gang.sum(kernels::operations<float>(device_kind()), gradient, kSize);
    memory->get(sum.data(), gradient, kSize * sizeof(float));
    EXPECT_EQ(sum, mine);
  }
}

TEST(NcclOnOneGpu, TrainsACellWithTheBitsThatItHasWithoutAGang) {
  const sweeps::CellSpec cell = mqar_cell("mamba", "d = 20", "steps = 30\n[eval]\nevery = 10\neval_examples = 100");
  const Device device{device_kind()};
  const auto replicas = nccl_replicas(nccl_key(), 0, 1, [] { return true; });
  expect_same_bits(run_pack({&cell, 1}, device, {}, {}, replicas.get()).front(), run_pack({&cell, 1}, device).front());
}

TEST(NcclOnOneGpu, CanBeginAgainAfterAGangHasLeft) {
  for (int gang = 0; gang < 3; ++gang) EXPECT_EQ(nccl_replicas(nccl_key(), 0, 1, [] { return true; })->count(), 1);
}

// ncclCommAbort while the other is awaited.
TEST(NcclOnOneGpu, GivesUpWhereTheOtherNeverComes) {
  int asked = 0;
  EXPECT_THROW(nccl_replicas(nccl_key(), 0, 2, [&] { return ++asked < 5; }), GangBroken);
  EXPECT_EQ(asked, 5);
  EXPECT_EQ(nccl_replicas(nccl_key(), 0, 1, [] { return true; })->count(), 1) << "and begins anew";
}

}  // namespace
}  // namespace phasegrid::worker::test
