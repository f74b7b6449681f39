// Checkpoints in the run folder: the newest of each cell, durable before it is named, in a file that stays small.
#include <sys/resource.h>

#include <csignal>

#include <gmock/gmock.h>

#include "results/run_folder.hpp"
#include "tests/results/sample_results.hpp"
#include "tests/results/small_sweep.hpp"
#include "tests/results/temporary_folder.hpp"

namespace phasegrid::results {
namespace {

namespace fs = std::filesystem;
using ::testing::IsEmpty;
using testing::read_bytes;
using testing::sample_result;
using testing::small_grid;
using testing::TemporaryFolder;
using testing::write_bytes;

std::string state_of(int cell, int step, std::size_t size = 1000) {
  std::string bytes(size, static_cast<char>('a' + cell));
  return bytes + std::to_string(step);
}

struct Checkpoints : ::testing::Test {
  TemporaryFolder scratch;
  fs::path out = scratch / "out";

  RunFolder open() { return RunFolder::open(out, small_grid(), {1, "cpu-avx2"}); }
  bool file(int generation) { return fs::exists(out / ("checkpoints." + std::to_string(generation))); }
};

TEST_F(Checkpoints, OfTheNextLifeAreTheNewestThatWereMadeDurable) {
  {
    RunFolder folder = open();
    folder.checkpoint(3, 1, 100, 400, state_of(3, 100));
    folder.checkpoint(4, 1, 50, 400, state_of(4, 50));
    folder.flush();
    folder.checkpoint(3, 1, 200, 400, state_of(3, 200));
    folder.flush();
    folder.checkpoint(3, 1, 300, 400, state_of(3, 300));   // never durable: its region is not that of step 200
  }
  const RunFolder folder = open();
  EXPECT_EQ(folder.state().checkpoints.at(3).step, 200);
  EXPECT_EQ(folder.state().checkpoints.at(3).steps, 400);
  EXPECT_EQ(folder.load_checkpoint(3), state_of(3, 200));
  EXPECT_EQ(folder.load_checkpoint(4), state_of(4, 50));
  EXPECT_EQ(folder.load_checkpoint(5), "");
  EXPECT_THAT(folder.state().warnings, IsEmpty());
}

// Of n cells that all take a checkpoint between two flushes there are never more than 2 n regions: the n that the
// journal names, and the n new ones. A region is at most r = 9/8 of its checkpoint (from 512 bytes on).
constexpr int kCells = 4;
std::size_t region(std::size_t bytes) { return bytes + bytes / 8; }

// All regions are of one size: whatever is free fits, so the file ends after 2 n of them.
TEST_F(Checkpoints, TakeTheRoomOfTwoOfEachCell) {
  RunFolder folder = open();
  for (int step = 100; step <= 299; ++step) {
    for (int cell = 0; cell < kCells; ++cell) folder.checkpoint(cell, 1, step, 400, state_of(cell, step));
    folder.flush();
    ASSERT_LE(fs::file_size(out / "checkpoints.1"), 2 * kCells * region(state_of(0, step).size())) << "step " << step;
  }
}

// The file becomes longer only when no hole has room for a region of the present size r. Then at most 2 n - 1 regions,
// none larger than r, are in use, and before each of them is at most one hole, smaller than r: with the new region the
// file has less than (4 n - 1) r.
TEST_F(Checkpoints, TakeLessThanTheRoomOfFourOfEachCellWhileTheyGrow) {
  RunFolder folder = open();
  for (int step = 1; step <= 200; ++step) {
    const std::size_t size = 1000 + 5 * static_cast<std::size_t>(step);   // curves grow
    for (int cell = 0; cell < kCells; ++cell) folder.checkpoint(cell, 1, step, 400, state_of(cell, step, size));
    folder.flush();
    const std::size_t most = (4 * kCells - 1) * region(state_of(0, step, size).size());
    ASSERT_LT(fs::file_size(out / "checkpoints.1"), most) << "step " << step;
    for (int cell = 0; cell < kCells; ++cell) ASSERT_EQ(folder.load_checkpoint(cell), state_of(cell, step, size));
  }
}

TEST_F(Checkpoints, AreGoneWhenTheirCellsHaveResults) {
  RunFolder folder = open();
  folder.checkpoint(0, 1, 1, 4, state_of(0, 1));
  folder.checkpoint(1, 1, 1, 4, state_of(1, 1));
  folder.flush();
  folder.finished(sample_result(0), 1, "slot 0");
  folder.flush();
  EXPECT_TRUE(file(1));
  EXPECT_EQ(folder.load_checkpoint(1), state_of(1, 1));
  folder.finished(sample_result(1), 1, "slot 0");
  EXPECT_TRUE(file(1)) << "the result is not durable yet";
  folder.flush();
  EXPECT_FALSE(file(1));
  folder.checkpoint(2, 1, 1, 4, state_of(2, 1));
  folder.flush();
  EXPECT_EQ(folder.load_checkpoint(2), state_of(2, 1)) << "in a new file of the old name";
}

TEST_F(Checkpoints, OfAnEarlierLifeGoWhenNewerOnesAreThere) {
  { RunFolder folder = open(); folder.checkpoint(0, 1, 1, 4, state_of(0, 1)); folder.flush(); }
  RunFolder folder = open();
  folder.checkpoint(0, 2, 2, 4, state_of(0, 2));
  EXPECT_TRUE(file(1));
  folder.flush();
  EXPECT_FALSE(file(1));
  EXPECT_EQ(folder.load_checkpoint(0), state_of(0, 2));
}

TEST_F(Checkpoints, ThatNoJournalNamesAreRemovedByTheNextLife) {
  { RunFolder folder = open(); folder.checkpoint(0, 1, 1, 4, state_of(0, 1)); }
  EXPECT_TRUE(file(1));
  open();
  EXPECT_FALSE(file(1));
}

TEST_F(Checkpoints, ThatAreTornOrDamagedAreNotUsed) {
  { RunFolder folder = open(); folder.checkpoint(0, 1, 1, 4, state_of(0, 1)); folder.flush(); }
  const std::string good = read_bytes(out / "checkpoints.1");
  for (const std::string& bad : {good.substr(0, good.size() - 1), "x" + good.substr(1), std::string()}) {
    write_bytes(out / "checkpoints.1", bad);
    const RunState state = read_run(out);
    EXPECT_EQ(read_checkpoint(out, state.checkpoints.at(0)), "");
  }
  write_bytes(out / "checkpoints.1", good);
  EXPECT_EQ(read_checkpoint(out, read_run(out).checkpoints.at(0)), state_of(0, 1));
}

TEST_F(Checkpoints, MoveWithTheirCellsWhenTheSweepGrows) {
  const auto grid = [](const std::string& d) {
    return testing::grid_of("[sweep]\nname = \"small\"\nseeds = 2\n[task]\nname = \"mqar\"\nnu = 8\n[axes]\nd = [" + d + "]\nkappa = [2, 4]\n");
  };
  const sweeps::Grid before = grid("4, 8"), now = grid("2, 4, 8, 16");
  {
    RunFolder folder = RunFolder::open(out, before, {1, "cpu-avx2"});
    folder.checkpoint(5, 1, 7, 9, state_of(5, 7));
    folder.flush();
  }
  const RunFolder folder = RunFolder::open(out, now, {1, "cpu-avx2"});
  ASSERT_EQ(folder.state().checkpoints.size(), 1u);
  const std::uint64_t moved = folder.state().checkpoints.begin()->first;
  EXPECT_EQ(now.label(moved), before.label(5));
  EXPECT_EQ(folder.load_checkpoint(moved), state_of(5, 7));
}

TEST_F(Checkpoints, OnAScratchDiskAreKnownByTheirHostAlone) {
  { RunFolder folder = open(); folder.checkpoint(0, 1, 12, 40, "", "host-b"); folder.flush(); }
  EXPECT_FALSE(file(1));
  const RunFolder folder = open();
  EXPECT_EQ(folder.state().checkpoints.at(0).host, "host-b");
  EXPECT_EQ(folder.load_checkpoint(0), "");
}

TEST_F(Checkpoints, ThatFindNoRoomLeaveTheOneBefore) {
  RunFolder folder = open();
  folder.checkpoint(0, 1, 1, 4, state_of(0, 1));
  folder.flush();
  signal(SIGXFSZ, SIG_IGN);
  rlimit before;
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit limit{1500, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &limit);
  const bool kept = folder.checkpoint(0, 1, 2, 4, state_of(0, 2));
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_FALSE(kept);
  folder.flush();
  EXPECT_EQ(folder.load_checkpoint(0), state_of(0, 1));
  EXPECT_TRUE(folder.checkpoint(0, 1, 3, 4, state_of(0, 3)));
  folder.flush();
  EXPECT_EQ(folder.load_checkpoint(0), state_of(0, 3));
}

TEST_F(Checkpoints, SayInAnAttemptWhereItWentOn) {
  { RunFolder folder = open(); folder.started(0, 1, "slot 0"); folder.started(0, 2, "slot 0", 120); folder.flush(); }
  const RunState state = read_run(out);
  EXPECT_EQ(state.attempts.at(0).from_step, 0);
  EXPECT_EQ(state.attempts.at(1).from_step, 120);
}

}  // namespace
}  // namespace phasegrid::results
