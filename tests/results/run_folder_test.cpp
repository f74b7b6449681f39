#include "results/run_folder.hpp"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "results/history.hpp"
#include "tests/results/sample_results.hpp"
#include "tests/results/small_sweep.hpp"
#include "tests/results/temporary_folder.hpp"

namespace phasegrid::results {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::message_of;
using testing::sample_result;
using testing::small_grid;
using testing::TemporaryFolder;

const Provenance kHere{1, "cpu-avx2", "abc123", "GCC 12", "Open MPI 4.1.4", "host-a", "", "small.toml"};

std::string refusal(const std::filesystem::path& folder, const sweeps::Grid& grid = small_grid(),
                    const Provenance& from = kHere) {
  return message_of<RunError>([&] { RunFolder::open(folder, grid, from); });
}

TEST(RunFolder, BringsEveryFieldOfAResultBack) {
  const TemporaryFolder scratch;
  std::vector<sweeps::CellResult> written;
  {
    RunFolder folder = RunFolder::open(scratch / "out", small_grid(), kHere);
    for (std::uint64_t cell = 0; cell < 8; ++cell) {
      sweeps::CellResult result = sample_result(cell);
      if (cell == 3) result = testing::failed_result(3, sweeps::Status::diverged, "loss is \"nan\" at step 7");
      folder.finished(result, 1, "rank 1 slot 0 host-a");
      written.push_back(result);
    }
    folder.flush();
  }
  const RunState state = read_run(scratch / "out");
  EXPECT_THAT(state.warnings, IsEmpty());
  ASSERT_EQ(state.results.size(), written.size());
  for (const sweeps::CellResult& result : written) {
    const sweeps::CellResult& read = state.results.at(result.index);
    EXPECT_TRUE(same_bits(read, result)) << "cell " << result.index;
    EXPECT_EQ(read.reason, result.reason);
    EXPECT_EQ(read.seconds, result.seconds);
  }
  EXPECT_EQ(state.sweep_text, small_grid().text());
  EXPECT_EQ(state.sweep_hash, small_grid().hash());
  EXPECT_EQ(state.sweep_file, "small.toml");
  EXPECT_EQ(state.provenance.device_kind, "cpu-avx2");
  EXPECT_EQ(state.provenance.numerics_version, 1);
}

TEST(RunFolder, ShowsTheCoordinatorWhatAReaderWillSee) {
  const TemporaryFolder scratch;
  RunFolder folder = RunFolder::open(scratch / "out", small_grid(), kHere);
  folder.started(4, 1, "slot 0");
  folder.ended(4, 1, "slot 0", "crashed: signal 9");
  folder.started(4, 2, "slot 1");
  folder.finished(sample_result(4), 2, "slot 1");
  folder.started(5, 1, "slot 0");
  folder.note("plan", "longest first");
  folder.flush();
  const RunState read = read_run(scratch / "out");
  for (const RunState& state : {folder.state(), read}) {
    ASSERT_EQ(state.attempts.size(), 3u);
    EXPECT_EQ(state.attempts[0].outcome, "crashed: signal 9");
    EXPECT_EQ(state.attempts[1].outcome, "done");
    EXPECT_EQ(state.attempts[1].attempt, 2);
    EXPECT_EQ(state.attempts[2].outcome, "") << "it runs: its coordinator holds the lock";
    ASSERT_EQ(state.notes.size(), 1u);
    EXPECT_EQ(state.notes[0].text, "longest first");
    EXPECT_EQ(state.results.size(), 1u);
    EXPECT_EQ(state.generation, 1);
  }
}

TEST(RunFolder, GoesOnInANewGenerationWithAllItKnows) {
  const TemporaryFolder scratch;
  for (int life = 1; life <= 3; ++life) {
    RunFolder folder = RunFolder::open(scratch / "out", small_grid(), kHere);
    EXPECT_EQ(folder.state().generation, life);
    EXPECT_EQ(folder.state().results.size(), static_cast<std::size_t>(life - 1));
    folder.finished(sample_result(static_cast<std::uint64_t>(life)), 1, "slot 0");
    folder.started(20, life, "slot 0");
    folder.flush();
  }
  const RunState state = read_run(scratch / "out");
  EXPECT_EQ(state.results.size(), 3u);
  EXPECT_THAT(state.warnings, IsEmpty());
  EXPECT_EQ(std::ranges::count(state.attempts, "interrupted", &Attempt::outcome), 3) << "their coordinators are gone";
  EXPECT_TRUE(std::filesystem::exists(scratch / "out/journal.3.jsonl"));
}

TEST(RunFolder, LosesWhatWasNotFlushedAndNothingElse) {
  const TemporaryFolder scratch;
  {
    RunFolder folder = RunFolder::open(scratch / "out", small_grid(), kHere);
    folder.finished(sample_result(1), 1, "slot 0");
    folder.flush();
    folder.finished(sample_result(2), 1, "slot 0");
  }
  const RunState state = read_run(scratch / "out");
  EXPECT_TRUE(state.results.contains(1));
  EXPECT_FALSE(state.results.contains(2));
}

TEST(RunFolder, KeepsTheFirstOfTwoResultsAndSaysWhenTheyDiffer) {
  const TemporaryFolder scratch;
  RunFolder folder = RunFolder::open(scratch / "out", small_grid(), kHere);
  sweeps::CellResult same = sample_result(2), different = sample_result(3);
  same.seconds = 1000;  // outside the promise
  different.accuracy = 0;
  for (const std::uint64_t cell : {2, 3}) folder.finished(sample_result(cell), 1, "slot 0");
  folder.finished(same, 2, "slot 1");
  folder.finished(different, 2, "slot 1");
  folder.flush();
  const RunState state = read_run(scratch / "out");
  EXPECT_TRUE(same_bits(state.results.at(3), sample_result(3)));
  EXPECT_EQ(state.results.at(2).seconds, 0.5);
  ASSERT_EQ(state.warnings.size(), 1u);
  EXPECT_THAT(state.warnings[0],
              AllOf(HasSubstr("journal.1.jsonl:5"), HasSubstr("cell 3"), HasSubstr("different results")));
}

TEST(RunFolder, LetsARetryReplaceAFailureButNotASuccess) {
  const TemporaryFolder scratch;
  RunFolder folder = RunFolder::open(scratch / "out", small_grid(), kHere);
  const sweeps::CellResult timeout = testing::failed_result(2, sweeps::Status::timeout, "60 s");
  folder.finished(timeout, 1, "slot 0");
  folder.finished(sample_result(2), 2, "slot 0");
  folder.finished(timeout, 3, "slot 0");
  folder.flush();
  const RunState state = read_run(scratch / "out");
  EXPECT_TRUE(same_bits(state.results.at(2), sample_result(2)));
  EXPECT_THAT(state.warnings, IsEmpty());
}

TEST(RunFolder, RefusesAnotherSweepAndSaysWhatChanged) {
  const TemporaryFolder scratch;
  RunFolder::open(scratch / "out", small_grid(4), kHere).flush();
  EXPECT_THAT(refusal(scratch / "out", small_grid(3)),
              AllOf(HasSubstr("another sweep"), HasSubstr("folder: seeds = 0 1 2 3\n"), HasSubstr("now:    seeds = 0 1 2")));
  EXPECT_EQ(refusal(scratch / "out", small_grid(4)), "") << "a refusal must leave nothing that blocks the right sweep";
}

TEST(RunFolder, RefusesToMixDeviceKindsOrNumericsUnlessAsked) {
  const TemporaryFolder scratch;
  {
    RunFolder folder = RunFolder::open(scratch / "out", small_grid(), kHere);
    folder.finished(sample_result(0), 1, "slot 0");
    folder.flush();
  }
  Provenance other = kHere;
  other.device_kind = "cpu-avx512";
  EXPECT_THAT(refusal(scratch / "out", small_grid(), other),
              AllOf(HasSubstr("cpu-avx2"), HasSubstr("cpu-avx512"), HasSubstr("--accept-mixed")));
  other = kHere;
  other.numerics_version = 2;
  EXPECT_THAT(refusal(scratch / "out", small_grid(), other), HasSubstr("numerics version 1"));
  EXPECT_NO_THROW(RunFolder::open(scratch / "out", small_grid(), other, true));
}

TEST(RunFolder, MakesItsParentsToo) {
  const TemporaryFolder scratch;
  EXPECT_NO_THROW(RunFolder::open(scratch / "a/b/out", small_grid(), kHere));
  EXPECT_TRUE(is_run_folder(scratch / "a/b/out"));
}

TEST(RunFolder, SaysWhyAFolderCannotBeUsed) {
  const TemporaryFolder scratch;
  testing::write_bytes(scratch / "file", "text");
  EXPECT_THAT(refusal(scratch / "file"), HasSubstr("is a file"));
  EXPECT_THAT(refusal(scratch / "file/out"), AllOf(HasSubstr("file"), HasSubstr("is a file")));
  EXPECT_THAT(message_of<RunError>([&] { read_run(scratch / "nothing"); }), HasSubstr("does not exist"));
  EXPECT_THAT(message_of<RunError>([&] { read_run(scratch.path()); }), HasSubstr("not a run folder"));
  EXPECT_FALSE(is_run_folder(scratch / "file"));
}

// The superuser may write anywhere: a child without rights tries.
TEST(RunFolder, SaysThatAFolderIsReadOnly) {
  const TemporaryFolder scratch;
  RunFolder::open(scratch / "out", small_grid(), kHere).flush();
  for (const char* folder : {"", "out", "out/log"}) chmod((scratch / folder).c_str(), 0555);
  chmod((scratch / "out/lock").c_str(), 0444);
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) _exit(1);
    const std::string said = refusal(scratch / "out") + "|" + refusal(scratch / "new");
    _exit(write(pipe_ends[1], said.data(), said.size()) == static_cast<ssize_t>(said.size()) ? 0 : 1);
  }
  close(pipe_ends[1]);
  std::string said(4096, '\0');
  said.resize(static_cast<std::size_t>(std::max<ssize_t>(0, read(pipe_ends[0], said.data(), said.size()))));
  close(pipe_ends[0]);
  waitpid(child, nullptr, 0);
  chmod(scratch.path().c_str(), 0755);
  EXPECT_THAT(said, AllOf(HasSubstr("out/lock: cannot open: Permission denied"),
                          HasSubstr("new: cannot make the run folder: Permission denied"),
                          HasSubstr("choose a folder that you may write to")));
}

}  // namespace
}  // namespace phasegrid::results
