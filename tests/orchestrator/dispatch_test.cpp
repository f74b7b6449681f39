// The real director, journal and results file with simulated ranks.
#include <gmock/gmock.h>
#include <sys/resource.h>

#include <csignal>

#include "orchestrator/bench_dispatch.hpp"
#include "orchestrator/crowd.hpp"
#include "orchestrator/director.hpp"
#include "orchestrator/machine.hpp"
#include "tests/results/temporary_folder.hpp"
#include "worker/schema.hpp"

namespace phasegrid::orchestrator {
namespace {

using phasegrid::testing::TemporaryFolder;
using ::testing::HasSubstr;

sweeps::Grid grid() {
  return sweeps::Grid::parse(
      "[sweep]\nname = \"crowd\"\nseeds = 20\n[task]\nname = \"mqar\"\nnu = 8\nkappa = 4\nT = 32\n[model]\nvariant = "
      "\"mamba\"\nN = 4\n"
      "[axes]\nd = [4, 8, 16]\n",
      "crowd.toml", worker::make_schema());
}

sweeps::CellResult done(std::uint64_t cell) {
  sweeps::CellResult result;
  result.index = cell;
  result.status = sweeps::Status::done;
  result.accuracy = 0.5;
  result.seconds = 0.01;
  result.curve.assign(50, {1, 0.1, 0.2, 0.3});
  return result;
}

sweeps::CellResult failed(std::uint64_t cell) {
  sweeps::CellResult result;
  result.index = cell;
  result.status = sweeps::Status::failed;
  result.reason = "no device was found at attempt " + std::to_string(cell);
  return result;
}

// A run whose clock ticks a tenth of a second each round.
struct SimulatedRun {
  explicit SimulatedRun(const std::filesystem::path& folder, const Crowd::Train& train, double disk_wait = 600)
      : crowd(4, grid_.hash(), train), director(crowd, grid_, options(folder, disk_wait), 0) {}
  static RunOptions options(const std::filesystem::path& folder, double disk_wait) {
    RunOptions options;
    options.sweep = "crowd.toml", options.directory = folder, options.slots = 1, options.quiet = true,
    options.ask_slurm = false;
    options.disk_wait = disk_wait;
    return options;
  }
  bool round() {
    now += 0.1;
    Parcel parcel;
    for (int i = 0; i < 8 && !director.done() && crowd.receive(parcel); ++i) director.handle(parcel, now);
    director.poll(now);
    return !director.done();
  }
  void finish() {
    while (round()) {}
  }

  sweeps::Grid grid_ = grid();
  Crowd crowd;
  Director director;
  double now = 0;
};

std::string log_of(const std::filesystem::path& folder) { return testing::read_bytes(folder / "log/coordinator.log"); }

TEST(Dispatch, RecordsEveryCellAndSaysWhereTheTimeWent) {
  const TemporaryFolder scratch;
  SimulatedRun run(scratch / "out", done);
  run.finish();
  EXPECT_EQ(run.director.exit_code(), 0);
  const results::RunState state = results::read_run(scratch / "out");
  EXPECT_EQ(state.results.size(), 60u);
  EXPECT_THAT(log_of(scratch / "out"), HasSubstr("utilisation"));
  EXPECT_TRUE(std::ranges::any_of(state.notes, [](const auto& note) { return note.kind == "utilisation"; }));
}

TEST(Dispatch, StopsWhenTheFirstCellsAllFailInOneWay) {
  const TemporaryFolder scratch;
  SimulatedRun run(scratch / "out", failed);
  run.finish();
  EXPECT_EQ(run.director.exit_code(), 3);
  EXPECT_THAT(log_of(scratch / "out"), HasSubstr("the first 5 cells all failed in the same way: no device was found"));
  EXPECT_LT(results::read_run(scratch / "out").results.size(), 20u);
}

// Lets no file grow beyond `bytes` while it lives, as a full disk would: writing fails with EFBIG instead of ENOSPC.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_;
};

TEST(Dispatch, PausesOnAFullDiskAndGoesOnWhenThereIsSpaceAgain) {
  const TemporaryFolder scratch;
  SimulatedRun run(scratch / "out", done);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(run.round());
  const std::size_t before = results::read_run(scratch / "out").results.size();
  {
    const FileSizeLimit full(std::filesystem::file_size(scratch / "out/journal.1.jsonl") + 20);
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(run.round()) << "twenty seconds of a full disk";
    EXPECT_EQ(results::read_run(scratch / "out").results.size(), before) << "nothing is acknowledged";
  }
  run.finish();
  EXPECT_EQ(run.director.exit_code(), 0);
  EXPECT_EQ(results::read_run(scratch / "out").results.size(), 60u);
  EXPECT_THAT(log_of(scratch / "out"), HasSubstr("there is space again"));
}

TEST(Dispatch, GivesUpAFullDiskAfterAWhileWithNothingAcknowledgedLost) {
  const TemporaryFolder scratch;
  SimulatedRun run(scratch / "out", done, 5);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(run.round());
  const std::size_t before = results::read_run(scratch / "out").results.size();
  const FileSizeLimit full(std::filesystem::file_size(scratch / "out/journal.1.jsonl") + 20);
  EXPECT_THROW(run.finish(), results::DiskFull);
  EXPECT_GT(run.now, 5);
  EXPECT_EQ(results::read_run(scratch / "out").results.size(), before);
}

TEST(Dispatch, MeasuresItself) {
  const TemporaryFolder scratch;
  const DispatchBench bench = bench_dispatch(2000, 64, scratch.path());
  EXPECT_EQ(bench.cells, 2000u);
  EXPECT_GT(bench.microseconds_per_cell(), 0);
  EXPECT_GT(bench.journal_bytes, 2000u * 100);
  EXPECT_TRUE(std::filesystem::is_empty(scratch.path())) << "it removes its folder";
}

}  // namespace
}  // namespace phasegrid::orchestrator
