// Gatherings through shared memory, by threads and by processes that end as they please.
#include "worker/replicas.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <numeric>
#include <thread>
#include <vector>

namespace phasegrid::worker {
namespace {

// Replica r of g, of a file that the caller keeps.
std::unique_ptr<Replicas> replica(int file, int r, int g, Waiting waiting = [] { return true; }) {
  auto replicas = shared_replicas(fcntl(file, F_DUPFD_CLOEXEC, 0), r, g, std::move(waiting));
  replicas->reserve(1000 * sizeof(int));
  return replicas;
}

TEST(SharedReplicas, GiveEveryMemberWhatEachHasBroughtInEveryRound) {
  constexpr int kMembers = 5, kRounds = 300;
  const int file = make_shared_file();
  std::atomic<int> wrong = 0;
  {
    std::vector<std::jthread> members;
    for (int r = 0; r < kMembers; ++r)
      members.emplace_back([&, r] {
        const auto replicas = replica(file, r, kMembers);
        for (int round = 0; round < kRounds; ++round) {
          const int size = 1 + round * 7 % 1000;
          std::vector<int> mine(static_cast<std::size_t>(size));
          std::iota(mine.begin(), mine.end(), 1000 * round + r);
          const Gathering all = replicas->all_gather(mine.data(), mine.size() * sizeof(int));
          for (int other = 0; other < kMembers; ++other)
            for (int i = 0; i < size; ++i) wrong += all.of<int>(other)[i] != 1000 * round + other + i;
        }
      });
  }
  close(file);
  EXPECT_EQ(wrong, 0);
}

TEST(SharedReplicas, AreOneMemberIfThereIsOnlyOne) {
  const int file = make_shared_file();
  const auto replicas = replica(file, 0, 1);
  const double mine = 7;
  EXPECT_EQ(*replicas->all_gather_here(&mine, sizeof mine).of<double>(0), 7);
  close(file);
}

TEST(SharedReplicas, RefuseMoreThanWasReserved) {
  const int file = make_shared_file();
  const auto replicas = replica(file, 0, 1);
  const std::vector<int> much(2000);
  EXPECT_THROW(replicas->all_gather(much.data(), much.size() * sizeof(int)), std::logic_error);
  close(file);
}

TEST(SharedReplicas, KeepAskingWhileAnotherIsMissingAndGiveUpWhenTold) {
  const int file = make_shared_file();
  int asked = 0;
  const auto replicas = replica(file, 0, 2, [&] { return ++asked < 3; });
  EXPECT_THROW(replicas->all_gather(&asked, sizeof asked), GangBroken);
  EXPECT_EQ(asked, 3);
  close(file);
}

// A member is killed in the middle of a round; the other one is told so by its parent, here by a pipe that has closed.
TEST(SharedReplicas, OutliveAMemberThatIsKilledAndLeaveNothingBehind) {
  const int file = make_shared_file();
  int life[2];
  ASSERT_EQ(pipe(life), 0);
  const pid_t child = fork();
  if (child == 0) {
    const auto replicas = replica(file, 1, 2);
    int mine = 1;
    replicas->all_gather(&mine, sizeof mine);
    raise(SIGKILL);
  }
  close(life[1]);
  const auto replicas = replica(file, 0, 2, [&] {
    char byte;
    return read(life[0], &byte, 1) != 0;
  });
  int mine = 0;
  EXPECT_EQ(*replicas->all_gather(&mine, sizeof mine).of<int>(1), 1);
  EXPECT_THROW(replicas->all_gather(&mine, sizeof mine), GangBroken);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status));
  close(life[0]), close(file);
}

}  // namespace
}  // namespace phasegrid::worker
