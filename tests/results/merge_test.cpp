#include "results/merge.hpp"

#include <gmock/gmock.h>

#include "results/history.hpp"
#include "results/run_folder.hpp"
#include "tests/results/sample_results.hpp"
#include "tests/results/small_sweep.hpp"
#include "tests/results/temporary_folder.hpp"

namespace phasegrid::results {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::message_of;
using testing::sample_result;
using testing::small_grid;
using testing::TemporaryFolder;

Provenance on(const std::string& device_kind, sweeps::Shard shard = {}) {
  return {1, device_kind, "abc123", "GCC 12", "Open MPI 4.1.4", "host-a", "", "small.toml", shard};
}

void write(const std::filesystem::path& folder, const std::vector<sweeps::CellResult>& results,
           const Provenance& provenance = on("cpu-avx2")) {
  RunFolder open = RunFolder::open(folder, small_grid(), provenance);
  for (const auto& result : results) {
    open.started(result.index, 1, "slot 0");
    open.finished(result, 1, "slot 0");
  }
  open.flush();
}

Merged merge(const std::vector<std::filesystem::path>& from, const std::filesystem::path& to, bool mixed = false) {
  return merge_runs(from, to, small_grid(), mixed);
}

TEST(Merge, JoinsTheShardsOfASweepWithEveryBitAndAttempt) {
  const TemporaryFolder scratch;
  std::vector<std::filesystem::path> shards;
  for (std::uint64_t number = 1; number <= 3; ++number) {
    shards.push_back(scratch / std::to_string(number));
    const sweeps::Shard shard{number, 3};
    std::vector<sweeps::CellResult> results;
    for (std::uint64_t cell = 0; cell < small_grid().size(); ++cell)
      if (shard.has(cell)) results.push_back(sample_result(cell));
    write(shards.back(), results, on("cpu-avx2", shard));
    EXPECT_EQ(read_run(shards.back()).provenance.shard, shard);
  }
  const Merged merged = merge(shards, scratch / "out");
  EXPECT_THAT(merged.conflicts, IsEmpty());
  EXPECT_EQ(merged.results, small_grid().size());
  const RunState state = read_run(scratch / "out");
  EXPECT_TRUE(state.provenance.shard.whole());
  ASSERT_EQ(state.results.size(), small_grid().size());
  for (const auto& [cell, result] : state.results) EXPECT_TRUE(same_bits(result, sample_result(cell))) << cell;
  EXPECT_EQ(state.attempts.size(), small_grid().size());
  for (const Attempt& attempt : state.attempts) EXPECT_EQ(attempt.outcome, "done");
  EXPECT_TRUE(std::filesystem::exists(scratch / "out/results.h5"));
}

TEST(Merge, AgainChangesNothingAndTakesWhatIsNew) {
  const TemporaryFolder scratch;
  write(scratch / "a", {sample_result(0), sample_result(1)});
  write(scratch / "b", {sample_result(1), sample_result(2)});
  const Merged first = merge({scratch / "a", scratch / "b"}, scratch / "out");
  EXPECT_EQ(first.sources[1].taken, 1u);
  EXPECT_EQ(first.sources[1].same, 1u);
  const Merged again = merge({scratch / "a", scratch / "b"}, scratch / "out");
  EXPECT_EQ(again.sources[0].taken + again.sources[1].taken, 0u);
  EXPECT_EQ(read_run(scratch / "out").attempts.size(), 3u);
  write(scratch / "b", {sample_result(3)});
  EXPECT_EQ(merge({scratch / "b"}, scratch / "out").results, 4u);
}

TEST(Merge, TellsWhenTheSameCellHasOtherBits) {
  const TemporaryFolder scratch;
  sweeps::CellResult other = sample_result(5), slower = sample_result(6);
  other.loss = 0.75;
  slower.seconds = 1000;  // outside the promise
  write(scratch / "a", {sample_result(5), sample_result(6)});
  write(scratch / "b", {other, slower});
  const Merged merged = merge({scratch / "a", scratch / "b"}, scratch / "out");
  EXPECT_THAT(merged.conflicts, ElementsAre(AllOf(HasSubstr("cell 5"), HasSubstr("d=4"), HasSubstr("0.75"))));
  EXPECT_TRUE(same_bits(read_run(scratch / "out").results.at(5), sample_result(5))) << "the first is kept";
}

TEST(Merge, PrefersASuccessToAFailureWhicheverComesFirst) {
  const TemporaryFolder scratch;
  write(scratch / "a", {testing::failed_result(2, sweeps::Status::failed, "crashed"), sample_result(3)});
  write(scratch / "b", {sample_result(2), testing::failed_result(3, sweeps::Status::timeout, "slow")});
  merge({scratch / "a", scratch / "b"}, scratch / "out");
  const RunState state = read_run(scratch / "out");
  EXPECT_TRUE(same_bits(state.results.at(2), sample_result(2)));
  EXPECT_TRUE(same_bits(state.results.at(3), sample_result(3)));
}

TEST(Merge, RefusesAnotherSweepAndAnotherDeviceKindUnlessAsked) {
  const TemporaryFolder scratch;
  write(scratch / "a", {sample_result(0)});
  sweeps::CellResult other = sample_result(0);
  other.accuracy = 0.5;
  write(scratch / "b", {other, sample_result(1)}, on("cpu-avx512"));
  RunFolder::open(scratch / "c", small_grid(5), on("cpu-avx2")).flush();
  const auto refusal = [&](const char* second) {
    return message_of<RunError>([&] { merge({scratch / "a", scratch / second}, scratch / "out"); });
  };
  EXPECT_THAT(refusal("c"), AllOf(HasSubstr("another sweep"), HasSubstr("seeds = 0 1 2 3 4")));
  EXPECT_THAT(refusal("b"), AllOf(HasSubstr("cpu-avx512"), HasSubstr("--accept-mixed")));
  EXPECT_THAT(message_of<RunError>([&] { merge({scratch / "a"}, scratch / "a"); }), HasSubstr("into itself"));

  const Merged merged = merge({scratch / "a", scratch / "b"}, scratch / "out", true);
  EXPECT_THAT(merged.conflicts, IsEmpty());
  EXPECT_EQ(merged.differ_by_origin, 1u);
  const RunState state = read_run(scratch / "out");
  EXPECT_TRUE(state.mixed());
  EXPECT_EQ(state.origin(0).device_kind, "cpu-avx2");
  EXPECT_EQ(state.origin(1).device_kind, "cpu-avx512") << "stored for each cell";
}

TEST(Merge, AMixedFolderRemembersEachCellsOriginThroughItsLives) {
  const TemporaryFolder scratch;
  write(scratch / "out", {sample_result(0)}, on("cpu-avx2"));
  {
    RunFolder folder = RunFolder::open(scratch / "out", small_grid(), on("cpu-avx512"), true);
    folder.finished(sample_result(1), 1, "slot 0");
    folder.flush();
    EXPECT_EQ(folder.state().origin(1).device_kind, "cpu-avx512");
    folder.write_results();
  }
  const RunState state = read_run(scratch / "out");
  EXPECT_EQ(state.origin(0).device_kind, "cpu-avx2");
  EXPECT_EQ(state.origin(1).device_kind, "cpu-avx512");
  EXPECT_THAT(message_of<RunError>([&] { RunFolder::open(scratch / "out", small_grid(), on("cpu-avx512")); }),
              HasSubstr("cpu-avx2"));
}

}  // namespace
}  // namespace phasegrid::results
