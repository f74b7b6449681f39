#include "orchestrator/gpus.hpp"

#include <gmock/gmock.h>

#include "orchestrator/coordinator.hpp"
#include "orchestrator/team.hpp"
#include "results/run_folder.hpp"

namespace phasegrid::orchestrator {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

kernels::Gpu gpu(const std::string& uuid, const std::string& kind, const std::string& problem = "") {
  return {uuid, kind, "Card", std::int64_t{80} << 30, 132, 3e12, 6e13, problem};
}
kernels::GpuSurvey survey(std::vector<kernels::Gpu> gpus, const std::string& problem = "") {
  return {std::move(gpus), "550.54.15, CUDA 12.4", problem};
}

Hello on(const std::string& host, kernels::GpuSurvey seen) {
  Hello hello{host, 1, 8, {"cpu-portable", "cpu-avx2"}, 1, "abc"};
  for (const std::string& kind : usable_kinds(seen)) hello.kinds.push_back(kind);
  hello.survey = std::move(seen);
  return hello;
}
Team team_of(const std::vector<Hello>& hellos) {
  Team team(static_cast<int>(hellos.size()), 0);
  for (std::size_t rank = 0; rank < hellos.size(); ++rank) team.report(static_cast<int>(rank), hellos[rank], 0);
  return team;
}

std::string refusal(const Team& team, const std::string& device) {
  try {
    return "chose " + team.device_kind("auto", "", device);
  } catch (const results::RunError& error) { return error.what(); }
}

TEST(Gpus, AreTakenWhereEveryRankHasOneOfOneKind) {
  const Team team = team_of({on("a", survey({gpu("GPU-1", "sm_90")})), on("b", survey({gpu("GPU-2", "sm_90")}))});
  EXPECT_EQ(team.device_kind("auto", "", "auto"), "sm_90");
  EXPECT_EQ(team.device_kind("auto", "", "cuda"), "sm_90");
  EXPECT_EQ(team.device_kind("auto", "", "cpu"), "cpu-avx2");
  EXPECT_EQ(team.device_kind("auto", "cpu-portable", "auto"), "cpu-portable") << "the kind of the results so far";
  EXPECT_EQ(team.gpu_trouble(), "");
  EXPECT_EQ(team.describe_gpus("sm_90"), "2 x Card (sm_90, 80.0 GiB, driver 550.54.15, CUDA 12.4)");
}

TEST(Gpus, LeaveTheCpuToAutoAndAReasonToCudaWhereARankHasNone) {
  const Team team =
      team_of({on("a", survey({gpu("GPU-1", "sm_90")})), on("b", survey({}, "no NVIDIA driver on this machine"))});
  EXPECT_EQ(team.device_kind("auto", "", "auto"), "cpu-avx2");
  EXPECT_EQ(refusal(team, "cuda"), "--device cuda: rank 1 on b: no NVIDIA driver on this machine");
  const Team mixed = team_of({on("a", survey({gpu("GPU-1", "sm_90")})), on("b", survey({gpu("GPU-2", "sm_80")}))});
  EXPECT_THAT(refusal(mixed, "cuda"), HasSubstr("of different kinds: rank 0 on a: sm_90; rank 1 on b: sm_80"));
}

TEST(Gpus, ThatCannotBeUsedAreLeftOut) {
  const Team team = team_of({on("a", survey({gpu("GPU-1", "sm_90", "is in exclusive mode and another process has it"),
                                             gpu("GPU-2", "sm_90"), gpu("GPU-3", "sm_80"), gpu("GPU-4", "sm_90")}))});
  EXPECT_EQ(team.device_kind("auto", "", "cuda"), "sm_90") << "the most capable";
  EXPECT_THAT(team.places("sm_90").front().gpus, ElementsAre("GPU-2", "GPU-4"));
  EXPECT_THAT(team.slots(0, "sm_90"), ElementsAre(2));
  EXPECT_THAT(
      refusal(team_of({on("a", survey({gpu("GPU-1", "sm_90", "is in exclusive mode and another process has it")}))}),
              "cuda"),
      HasSubstr("GPU-1 (Card) is in exclusive mode and another process has it"));
}

TEST(Gpus, KindsAreOrderedByCapability) {
  EXPECT_THAT(usable_kinds(survey({gpu("GPU-1", "sm_100"), gpu("GPU-2", "sm_90"), gpu("GPU-3", "sm_90")})),
              ElementsAre("sm_90", "sm_100"));
}

TEST(Gpus, AnswerSurvivesItsText) {
  const kernels::GpuSurvey asked = survey({gpu("GPU-1", "sm_90"), gpu("GPU-2", "sm_90", "is busy")}),
                           read = gpu_survey_from(to_text(asked));
  ASSERT_EQ(read.gpus.size(), 2u);
  EXPECT_EQ(read.driver, asked.driver);
  EXPECT_EQ(to_text(read), to_text(asked));
  EXPECT_THAT(trouble(gpu_survey_from("Segmentation fault")), HasSubstr("cannot find out about GPUs"));
}

TEST(Gpus, ShapesBoundTheirPacks) {
  std::vector<Job> jobs;
  for (std::uint64_t i = 0; i < 20; ++i) jobs.push_back({.cell = i, .shape = i < 10 ? 0u : 1u, .most = i < 10 ? 3 : 0});
  Coordinator coordinator(jobs, {.pack = 5});
  const auto given = [&](int slot) {
    return std::get<HandOut>(coordinator.slot_ready({0, slot}, 0).at(0)).cells.size();
  };
  EXPECT_EQ(given(0), 3u) << "what the shape allows";
  for (int slot = 1; slot < 4; ++slot) coordinator.expect({0, slot});
  EXPECT_LE(given(1), 3u);
}

}  // namespace
}  // namespace phasegrid::orchestrator
