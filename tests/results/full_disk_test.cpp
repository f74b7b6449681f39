// A disk that fills up: everything acknowledged stays, everything else is written once there is room.
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "results/history.hpp"
#include "results/run_folder.hpp"
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
using testing::TemporaryFolder;

// No file may grow beyond `bytes` while this lives.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_;
};

void expect_results(const std::filesystem::path& folder, std::uint64_t count) {
  const RunState state = read_run(folder);
  EXPECT_THAT(state.warnings, IsEmpty());
  ASSERT_EQ(state.results.size(), count);
  for (const auto& [cell, result] : state.results) EXPECT_TRUE(same_bits(result, sample_result(cell))) << cell;
}

TEST(FullDisk, AFailedFlushLosesNothingAndTheNextOneGoesOn) {
  const TemporaryFolder scratch;
  RunFolder folder = RunFolder::open(scratch / "out", testing::small_grid(), {});
  folder.finished(sample_result(0), 1, "slot 0");
  folder.flush();
  const auto journal = std::filesystem::file_size(scratch / "out/journal.1.jsonl");
  folder.finished(sample_result(1), 1, "slot 0");
  for (const rlim_t room : {0, 1, 100, 300}) {  // also in the middle of a line
    const FileSizeLimit limit(journal + room);
    EXPECT_THAT(message_of<RunError>([&] { folder.flush(); }),
                AllOf(HasSubstr("journal.1.jsonl: cannot write"), HasSubstr("free some space")));
    EXPECT_EQ(std::filesystem::file_size(scratch / "out/journal.1.jsonl"), journal) << "the torn part is cut";
    expect_results(scratch / "out", 1);
  }
  folder.finished(sample_result(2), 1, "slot 0");
  folder.flush();
  expect_results(scratch / "out", 3);
}

TEST(FullDisk, ACurveThatDoesNotFitKeepsItsLineBack) {
  const TemporaryFolder scratch;
  RunFolder folder = RunFolder::open(scratch / "out", testing::small_grid(), {});
  folder.finished(sample_result(3), 1, "slot 0");
  {
    const FileSizeLimit limit(10);
    EXPECT_THAT(message_of<RunError>([&] { folder.flush(); }), HasSubstr("bulk.1: cannot write"));
    expect_results(scratch / "out", 0);
  }
  folder.flush();
  expect_results(scratch / "out", 1);
}

TEST(FullDisk, LeavesTheOldResultsFile) {
  const TemporaryFolder scratch;
  RunFolder folder = RunFolder::open(scratch / "out", testing::small_grid(), {});
  folder.write_results();
  const std::string before = testing::read_bytes(scratch / "out/results.h5");
  folder.finished(sample_result(0), 1, "slot 0");
  {
    const FileSizeLimit limit(4096);
    EXPECT_THAT(message_of<RunError>([&] { folder.write_results(); }), HasSubstr("results.h5.tmp: cannot write"));
  }
  EXPECT_EQ(testing::read_bytes(scratch / "out/results.h5"), before);
  EXPECT_FALSE(std::filesystem::exists(scratch / "out/results.h5.tmp"));
}

TEST(FullDisk, OfARealFileSystemIsSurvived) {
  const TemporaryFolder scratch;
  if (mount("tmpfs", scratch.path().c_str(), "tmpfs", 0, "size=128k") != 0)
    GTEST_SKIP() << "only root may mount a small file system";
  {
    RunFolder folder = RunFolder::open(scratch / "out", testing::small_grid(), {});
    testing::write_bytes(scratch / "ballast", std::string(1 << 20, 'x'));  // takes all that is left
    folder.finished(sample_result(1), 1, std::string(8000, 'w'));
    EXPECT_THAT(message_of<RunError>([&] { folder.flush(); }), HasSubstr("No space left on device"));
    EXPECT_THAT(message_of<RunError>([&] { folder.write_results(); }), HasSubstr("No space left on device"));
    expect_results(scratch / "out", 0);
    std::filesystem::remove(scratch / "ballast");
    folder.flush();
    expect_results(scratch / "out", 1);
  }
  umount(scratch.path().c_str());
}

TEST(FullDisk, AtTheStartSaysSo) {
  const TemporaryFolder scratch;
  {
    const FileSizeLimit limit(0);
    EXPECT_THAT(message_of<RunError>([&] { RunFolder::open(scratch / "out", testing::small_grid(), {}); }),
                HasSubstr("cannot write"));
  }
  EXPECT_NO_THROW(RunFolder::open(scratch / "out", testing::small_grid(), {}));
}

}  // namespace
}  // namespace phasegrid::results
