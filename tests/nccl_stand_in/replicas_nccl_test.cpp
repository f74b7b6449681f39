// The logic of worker/replicas_nccl.cu, compiled for the CPU with stand-ins for CUDA and NCCL. Members are processes.
#include "worker/replicas_nccl.hpp"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "kernels/device/backend.hpp"
#include "tests/nccl_stand_in/nccl.h"
#include "worker/gang.hpp"

namespace phasegrid::worker {
namespace {

// Runs member(r) for r = 1 .. count - 1 in processes of their own and member(0) here; every one must end with 0.
void together(int count, const std::function<int(int)>& member) {
  std::vector<pid_t> children;
  for (int r = 1; r < count; ++r) {
    children.push_back(fork());
    if (children.back() == 0) _exit(member(r));
  }
  EXPECT_EQ(member(0), 0) << "replica 0";
  for (const pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0) << "a replica";
  }
}

bool go_on() { return true; }

TEST(NcclReplicas, SumTheGradientOfTheWholeBatchOnTheDevice) {
  const std::string key = nccl_key();
  together(3, [&](int r) {
    const auto memory = kernels::cuda_memory(1);
    const auto replicas = nccl_replicas(key, r, 3, go_on);
    Gang gang(replicas.get());
    constexpr int kSize = 700;
    gang.reserve(kSize, sizeof(float), 4);
    float* gradient = memory->allocate_array<float>(kSize);
    const auto& operations = *kernels::cuda_operations(kernels::cuda_kinds().front());
    for (int step = 0; step < 5; ++step) {
      std::vector<float> mine(kSize), sum(kSize);
      for (int i = 0; i < kSize; ++i) mine[static_cast<std::size_t>(i)] = static_cast<float>(i + 1000 * r + step);
      memory->set(gradient, mine.data(), kSize * sizeof(float));
      const double loss = gang.mean_loss(r + 1, 10 * (r + 1));   // weights 1/6, 2/6, 3/6
      if (std::abs(loss - 14.0 / 6) > 1e-12) return 1;
      gang.sum(operations, gradient, kSize);
      memory->get(sum.data(), gradient, kSize * sizeof(float));
      for (int i = 0; i < kSize; ++i) {
        const double wanted = i + step + 1000 * (0 * 1 + 1 * 2 + 2 * 3) / 6.0;
        if (std::abs(sum[static_cast<std::size_t>(i)] - wanted) > 1e-6 * wanted) return 2;
      }
    }
    return 0;
  });
}

TEST(NcclReplicas, LeaveInOrderWhenAllIsDone) {
  const std::string key = nccl_key();
  nccl_stand_in::aborted = nccl_stand_in::destroyed = 0;
  together(2, [&](int r) {
    nccl_replicas(key, r, 2, go_on);
    return nccl_stand_in::destroyed == 1 && nccl_stand_in::aborted == 0 ? 0 : 1;
  });
}

TEST(NcclReplicas, AbortWhenToldToGiveUpWhileAnotherIsMissing) {
  const std::string key = nccl_key();
  nccl_stand_in::aborted = 0;
  EXPECT_THROW(nccl_replicas(key, 0, 2, [] { return false; }), GangBroken) << "the other never comes";
  EXPECT_EQ(nccl_stand_in::aborted, 1);
}

TEST(NcclReplicas, AbortInTheMiddleOfAGatheringWhenAMemberHasDied) {
  const std::string key = nccl_key();
  nccl_stand_in::aborted = 0;
  const pid_t child = fork();
  if (child == 0) {
    auto* other = nccl_replicas(key, 1, 2, go_on).release();
    other->reserve(8);
    _exit(0);   // without a farewell
  }
  bool told = false;
  const auto replicas = nccl_replicas(key, 0, 2, [&] { return !told; });
  replicas->reserve(8);
  waitpid(child, nullptr, 0);
  told = true;
  double mine = 1;
  EXPECT_THROW(replicas->all_gather_here(&mine, sizeof mine), GangBroken);
  EXPECT_EQ(nccl_stand_in::aborted, 1);
}

TEST(NcclReplicas, TakeTheWordOfWhoKnowsWhyOverAnErrorOfTheirOwn) {
  const std::string key = nccl_key();
  const pid_t child = fork();
  if (child == 0) {
    bool in = false;
    const auto other = nccl_replicas(key, 1, 2, [&] { return !in; });
    other->reserve(8);
    in = true;
    double mine = 1;
    try {
      other->all_gather_here(&mine, sizeof mine);   // gives up, and NCCL closes its connections
    } catch (const GangBroken&) {}
    _exit(0);
  }
  int asked = 0;
  bool in = false;
  const auto replicas = nccl_replicas(key, 0, 2, [&] { return !in || ++asked < 3; });
  replicas->reserve(8);
  in = true;
  waitpid(child, nullptr, 0);
  double mine = 1;
  EXPECT_THROW(replicas->all_gather_here(&mine, sizeof mine), GangBroken);
  EXPECT_EQ(asked, 3);
}

TEST(NcclReplicas, RefuseAKeyOfAnotherKind) { EXPECT_THROW(nccl_replicas("short", 0, 1, go_on), std::runtime_error); }

}  // namespace
}  // namespace phasegrid::worker
