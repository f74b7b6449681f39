#include "kernels/parallel.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <numeric>
#include <set>
#include <thread>
#include <vector>

namespace phasegrid::kernels {
namespace {

class Threads : public testing::TestWithParam<int> {
 protected:
  Pool pool{GetParam()};
  UsePool use{pool};
};
INSTANTIATE_TEST_SUITE_P(Several, Threads, testing::Values(1, 2, 3, 5), testing::PrintToStringParamName());

TEST_P(Threads, RunEveryChunkOnce) {
  for (const int chunks : {0, 1, 2, 7, 1000}) {
    std::vector<std::atomic<int>> runs(static_cast<std::size_t>(chunks));
    parallel(chunks, [&](int chunk) { ++runs[static_cast<std::size_t>(chunk)]; });
    for (const auto& n : runs) EXPECT_EQ(n, 1);
  }
}

TEST_P(Threads, WorkAtTheSameTime) {
  const int threads = GetParam();
  std::atomic<int> begun{0};
  for (int round = 1; round <= 20; ++round) {
    parallel(threads, [&](int) {
      for (++begun; begun < round * threads;) std::this_thread::yield();  // every chunk waits for all others
    });
  }
  EXPECT_EQ(begun, 20 * threads);
}

TEST_P(Threads, TakeTurnsInTheOrderOfChunks) {
  std::vector<int> order;
  std::int64_t own = 0;
  parallel_in_turn(
      500, &own, 1, [](int chunk, std::int64_t* scratch) { *scratch = chunk * chunk; },
      [&](int chunk, const std::int64_t* scratch) {
        EXPECT_EQ(*scratch, chunk * chunk);
        order.push_back(chunk);
      });
  std::vector<int> expected(500);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(order, expected);
}

TEST_P(Threads, HaveScratchOfTheirOwn) {
  const int threads = GetParam();
  double own[100];
  std::vector<double*> places(static_cast<std::size_t>(threads));
  std::atomic<int> begun{0};
  parallel(threads, own, 100, [&](int chunk, double* scratch) {
    places[static_cast<std::size_t>(chunk)] = scratch;
    std::fill(scratch, scratch + 100, chunk);
    if (GetParam() > 1)
      for (++begun; begun < threads;) std::this_thread::yield();
    for (int i = 0; i < 100; ++i) EXPECT_EQ(scratch[i], chunk);
  });
  EXPECT_EQ(std::set<double*>(places.begin(), places.end()).size(), static_cast<std::size_t>(threads));
  EXPECT_EQ(std::count(places.begin(), places.end(), own), 1);
}

TEST_P(Threads, DoNotSplitAPartOfTheirWorkAgain) {
  std::atomic<int> runs{0};
  parallel(8, [&](int) {
    EXPECT_EQ(pool_threads(), 1);
    parallel(8, [&](int) { ++runs; });
  });
  EXPECT_EQ(runs, 64);
  EXPECT_EQ(pool_threads(), GetParam());
}

TEST_P(Threads, ShareRowsAndColumnsWithoutGaps) {
  for (const int n : {16, 48, 1024}) {
    std::vector<std::atomic<int>> rows(static_cast<std::size_t>(n)), columns(static_cast<std::size_t>(n));
    parallel_rows(n, kWorthAChunk, [&](std::int64_t begin, std::int64_t end) {
      for (; begin < end; ++begin) ++rows[static_cast<std::size_t>(begin)];
    });
    parallel_columns(n, kWorthAChunk, [&](int begin, int end) {
      EXPECT_EQ(begin % kPad, 0);
      for (; begin < end; ++begin) ++columns[static_cast<std::size_t>(begin)];
    });
    for (const auto& times : rows) EXPECT_EQ(times, 1);
    for (const auto& times : columns) EXPECT_EQ(times, 1);
  }
}

TEST(Pool, OfOneThreadCountsAsNone) {
  Pool one(1);
  const UsePool use(one);
  EXPECT_EQ(current_pool(), nullptr);
}

TEST(Pool, BelongsToTheThreadThatUsesIt) {
  Pool pool(2);
  const UsePool use(pool);
  std::thread([] { EXPECT_EQ(current_pool(), nullptr); }).join();
  EXPECT_EQ(current_pool(), &pool);
}

}  // namespace
}  // namespace phasegrid::kernels
