#include "results/lock.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "results/run_folder.hpp"
#include "tests/results/sample_results.hpp"
#include "tests/results/small_sweep.hpp"
#include "tests/results/temporary_folder.hpp"

namespace phasegrid::results {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::message_of;
using testing::small_grid;
using testing::TemporaryFolder;

// Another process that has opened the folder and lives until it is killed.
class OtherCoordinator {
 public:
  explicit OtherCoordinator(const std::filesystem::path& folder) {
    int ends[2];
    if (pipe(ends) != 0) return;
    pid_ = fork();
    if (pid_ == 0) {
      const RunFolder held = RunFolder::open(folder, small_grid(), {});
      if (write(ends[1], "x", 1) == 1) pause();
      _exit(0);
    }
    close(ends[1]);
    char ready;
    EXPECT_EQ(read(ends[0], &ready, 1), 1) << "the other coordinator could not open the folder";
    close(ends[0]);
  }
  void kill_now() {
    if (pid_ > 0) kill(pid_, SIGKILL), waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  ~OtherCoordinator() { kill_now(); }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
};

TEST(Lock, RefusesASecondCoordinatorAndNamesTheFirst) {
  const TemporaryFolder scratch;
  OtherCoordinator other(scratch / "out");
  const std::string said = message_of<RunError>([&] { RunFolder::open(scratch / "out", small_grid(), {}); });
  EXPECT_THAT(said, AllOf(HasSubstr("in use by process " + std::to_string(other.pid())), HasSubstr("generation 1")));
  EXPECT_THAT(in_use_by(scratch / "out"), HasSubstr(std::to_string(other.pid())));
  EXPECT_NO_THROW(read_run(scratch / "out")) << "status works while another coordinates";
}

TEST(Lock, EndsWithItsProcess) {
  const TemporaryFolder scratch;
  OtherCoordinator other(scratch / "out");
  other.kill_now();
  EXPECT_EQ(in_use_by(scratch / "out"), "");
  EXPECT_EQ(RunFolder::open(scratch / "out", small_grid(), {}).state().generation, 2);
}

TEST(Lock, RefusesASecondCoordinatorInTheSameProcess) {
  const TemporaryFolder scratch;
  {
    const RunFolder first = RunFolder::open(scratch / "out", small_grid(), {});
    EXPECT_THROW(RunFolder::open(scratch / "out", small_grid(), {}), RunError);
  }
  EXPECT_NO_THROW(RunFolder::open(scratch / "out", small_grid(), {}));
}

// A file system that forgot the first lock: a newer coordinator has written its generation.
TEST(Lock, StopsACoordinatorThatWasOvertakenAtItsNextFlush) {
  const TemporaryFolder scratch;
  RunFolder first = RunFolder::open(scratch / "out", small_grid(), {});
  first.finished(testing::sample_result(1), 1, "slot 0");
  first.flush();
  std::filesystem::remove(scratch / "out/lock");
  RunFolder second = RunFolder::open(scratch / "out", small_grid(), {});
  EXPECT_EQ(second.state().generation, 2);
  first.finished(testing::sample_result(2), 1, "slot 0");
  EXPECT_THAT(message_of<RunError>([&] { first.flush(); }),
              AllOf(HasSubstr("another coordinator took over"), HasSubstr("generation 2")));
  second.finished(testing::sample_result(3), 1, "slot 0");
  second.flush();
  const RunState state = read_run(scratch / "out");
  EXPECT_TRUE(state.results.contains(1));
  EXPECT_FALSE(state.results.contains(2)) << "it was not acknowledged";
  EXPECT_TRUE(state.results.contains(3));
}

TEST(Lock, ARemovedLockFileAloneStopsNobody) {
  const TemporaryFolder scratch;
  RunFolder folder = RunFolder::open(scratch / "out", small_grid(), {});
  std::filesystem::remove(scratch / "out/lock");
  folder.note("test", "x");
  EXPECT_NO_THROW(folder.flush());
}

TEST(Lock, WithoutKernelLocksALivingHolderOnThisHostIsRespected) {
  const TemporaryFolder scratch;
  Lock first = Lock::take(scratch.path(), Locking::generation_only);
  first.claim(1);
  EXPECT_THROW(Lock::take(scratch.path(), Locking::generation_only), RunError);
}

TEST(Lock, WithoutKernelLocksADeadHolderIsTakenOverAndAStaleOneStops) {
  const TemporaryFolder scratch;
  const pid_t child = fork();
  if (child == 0) {
    Lock::take(scratch.path(), Locking::generation_only).claim(7);
    _exit(0);
  }
  waitpid(child, nullptr, 0);
  Lock lock = Lock::take(scratch.path(), Locking::generation_only);
  EXPECT_EQ(lock.last_generation(), 7);
  lock.claim(8);
  EXPECT_NO_THROW(lock.check());
  Lock on_another_host = std::move(lock);
  {
    const TemporaryFolder elsewhere;  // the line that a coordinator of the next generation would write
    Lock next = Lock::take(elsewhere.path());
    next.claim(9);
    testing::write_bytes(scratch / "lock", testing::read_bytes(elsewhere / "lock"));
  }
  EXPECT_THROW(on_another_host.check(), RunError);
}

}  // namespace
}  // namespace phasegrid::results
