#include "sweeps/shard.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <vector>

#include "sweeps/error.hpp"

namespace phasegrid::sweeps {
namespace {

TEST(Shard, EveryCellIsInExactlyOneAndTheirSizesDifferByOneAtMost) {
  for (const std::uint64_t shards : {1u, 2u, 3u, 7u, 64u}) {
    for (const std::uint64_t cells : {1u, 6u, 64u, 1000u}) {
      std::vector<std::uint64_t> sizes(shards, 0);
      for (std::uint64_t cell = 0; cell < cells; ++cell) {
        int owners = 0;
        for (std::uint64_t number = 1; number <= shards; ++number) {
          const bool has = Shard{number, shards}.has(cell);
          owners += has, sizes[number - 1] += has;
        }
        ASSERT_EQ(owners, 1) << cell << " of " << shards;
      }
      EXPECT_LE(std::ranges::max(sizes) - std::ranges::min(sizes), 1u) << cells << " cells, " << shards << " shards";
    }
  }
}

TEST(Shard, FollowsNoAxisWhoseLengthDividesTheNumberOfShards) {
  std::vector<int> first(8, 0);  // of 8 shards, how often each has a cell whose fastest coordinate is 0
  for (std::uint64_t cell = 0; cell < 8 * 800; cell += 8)
    for (std::uint64_t number = 1; number <= 8; ++number) first[number - 1] += Shard{number, 8}.has(cell);
  for (const int count : first) EXPECT_NEAR(count, 100, 50);
}

TEST(Shard, StaysTheSameFromVersionToVersion) {
  std::vector<std::uint64_t> cells;
  for (std::uint64_t cell = 0; cell < 24; ++cell)
    if (Shard{2, 4}.has(cell)) cells.push_back(cell);
  EXPECT_THAT(cells, testing::ElementsAre(0, 7, 9, 13, 17, 21));
}

TEST(Shard, ReadsItsOwnTextAndNothingElse) {
  EXPECT_EQ(shard_from_text("2/4"), (Shard{2, 4}));
  EXPECT_EQ(to_text(Shard{2, 4}), "2/4");
  for (const char* text : {"", "4", "0/4", "5/4", "1/0", "1/4x", "-1/4", "a/b", "1/9999999"})
    EXPECT_THROW(shard_from_text(text), SweepError) << text;
}

}  // namespace
}  // namespace phasegrid::sweeps
