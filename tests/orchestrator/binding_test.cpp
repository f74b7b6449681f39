#include "orchestrator/binding.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace phasegrid::orchestrator {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Names = std::vector<std::string>;

TEST(GpuList, EndsWhereCudaStopsReading) {
  EXPECT_THAT(parse_gpu_list("0,1"), ElementsAre("0", "1"));
  EXPECT_THAT(parse_gpu_list("GPU-8f1c, MIG-2b"), ElementsAre("GPU-8f1c", "MIG-2b"));
  EXPECT_THAT(parse_gpu_list("2,-1,3"), ElementsAre("2"));
  EXPECT_THAT(parse_gpu_list("NoDevFiles"), IsEmpty());
  EXPECT_THAT(parse_gpu_list(""), IsEmpty());
}

TEST(GpuList, ComesFromCudaBeforeSlurm) {
  setenv("SLURM_JOB_GPUS", "4,5", 1);
  EXPECT_THAT(visible_gpus(), ElementsAre("4", "5"));
  setenv("CUDA_VISIBLE_DEVICES", "1", 1);
  EXPECT_THAT(visible_gpus(), ElementsAre("1"));
  setenv("CUDA_VISIBLE_DEVICES", "", 1);
  EXPECT_THAT(visible_gpus(), IsEmpty()) << "an empty list means none, not all";
  unsetenv("CUDA_VISIBLE_DEVICES");
  unsetenv("SLURM_JOB_GPUS");
}

TEST(GpuBinding, GivesOneRankOnEachNodeAllItsGpus) {
  const std::vector<Place> places{{"a", {"0", "1"}}, {"b", {"0", "1", "2"}}};
  const auto slots = gpu_slots(places);
  EXPECT_THAT(slots, ElementsAre(2, 3));
  const Binding binding = bind_gpus(places, slots);
  EXPECT_THAT(binding.gpus, ElementsAre(Names{"0", "1"}, Names{"0", "1", "2"}));
  EXPECT_THAT(binding.warnings, IsEmpty());
  EXPECT_THAT(binding.table, HasSubstr("rank 1 b slot 2: GPU 2\n"));
}

TEST(GpuBinding, DividesTheGpusThatAllRanksOfANodeSee) {
  const std::vector<Place> places(3, {"a", {"0", "1", "2", "3"}});
  const auto slots = gpu_slots(places);
  EXPECT_THAT(slots, ElementsAre(2, 1, 1));
  const Binding binding = bind_gpus(places, slots);
  EXPECT_THAT(binding.gpus, ElementsAre(Names{"0", "3"}, Names{"1"}, Names{"2"}));
  EXPECT_THAT(binding.warnings, IsEmpty());
}

TEST(GpuBinding, KeepsWhatTheBatchSystemBoundToEachRank) {
  const std::vector<Place> places{{"a", {"1"}}, {"a", {"0"}}};
  const Binding binding = bind_gpus(places, gpu_slots(places));
  EXPECT_THAT(binding.gpus, ElementsAre(Names{"1"}, Names{"0"}));
  EXPECT_THAT(binding.warnings, IsEmpty());
}

TEST(GpuBinding, WarnsWhenRanksShareAGpu) {
  const std::vector<Place> places(3, {"a", {"0", "1"}});
  const Binding binding = bind_gpus(places, gpu_slots(places));
  EXPECT_THAT(binding.gpus, ElementsAre(Names{"0"}, Names{"1"}, Names{"0"}));
  EXPECT_THAT(binding.warnings, ElementsAre(HasSubstr("GPU 0 of a is shared by slots of ranks 0, 2")));
}

TEST(GpuBinding, IsSilentWhenSharingWithinARankWasAskedFor) {
  const std::vector<Place> places{{"a", {"0", "1"}}};
  const Binding binding = bind_gpus(places, {4});
  EXPECT_THAT(binding.gpus, ElementsAre(Names{"0", "1", "0", "1"}));
  EXPECT_THAT(binding.warnings, IsEmpty());
}

TEST(GpuBinding, SaysWhereThereIsNone) {
  const std::vector<Place> places{{"a", {}}};
  EXPECT_THAT(gpu_slots(places), ElementsAre(1));
  const Binding binding = bind_gpus(places, {1});
  EXPECT_THAT(binding.gpus, ElementsAre(Names{""}));
  EXPECT_THAT(binding.table, HasSubstr("no GPU"));
}

}  // namespace
}  // namespace phasegrid::orchestrator
