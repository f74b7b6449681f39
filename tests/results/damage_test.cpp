// What a crash, a bad disk or a half-copied folder leaves behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "results/history.hpp"
#include "results/journal.hpp"
#include "results/journal_line.hpp"
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
using testing::read_bytes;
using testing::sample_result;
using testing::TemporaryFolder;
using testing::write_bytes;

// A folder whose journal is one run line and one line for each of the cells 0 .. cells-1.
struct Written {
  explicit Written(std::uint64_t cells) {
    RunFolder open = RunFolder::open(scratch / "out", testing::small_grid(), {});
    for (std::uint64_t cell = 0; cell < cells; ++cell) open.finished(sample_result(cell), 1, "slot 0");
    open.flush();
    journal = read_bytes(path);
  }
  std::size_t start_of_line(int number) const {  // from 1
    std::size_t start = 0;
    while (--number > 0) start = journal.find('\n', start) + 1;
    return start;
  }
  RunState with(const std::string& bytes) const {
    write_bytes(path, bytes);
    return read_run(scratch / "out");
  }

  TemporaryFolder scratch;
  std::filesystem::path path = scratch / "out/journal.1.jsonl", bulk = scratch / "out/bulk.1";
  std::string journal;
};

TEST(Damage, ATailTornAtAnyByteLosesOnlyTheLastLine) {
  const Written written(3);
  const std::size_t last = written.start_of_line(4);
  for (std::size_t size = last; size < written.journal.size(); ++size) {
    const RunState state = written.with(written.journal.substr(0, size));
    ASSERT_EQ(state.results.size(), 2u) << size;
    ASSERT_THAT(state.warnings, IsEmpty()) << "a torn tail was never acknowledged";
    ASSERT_EQ(state.notes.size(), size == last ? 0u : 1u) << size;
  }
}

TEST(Damage, ATailOfNulsIsCut) {
  const Written written(3);
  const std::size_t last = written.start_of_line(4);
  for (const std::string& tail : {std::string(1, '\0'), std::string(5000, '\0'), std::string(100, '\0') + "\n",
                                  std::string(50, '\0') + written.journal.substr(last + 50)}) {
    const RunState state = written.with(written.journal.substr(0, last) + tail);
    EXPECT_EQ(state.results.size(), 2u);
    EXPECT_THAT(state.warnings, IsEmpty());
    ASSERT_EQ(state.notes.size(), 1u);
    EXPECT_THAT(state.notes[0].text, HasSubstr("journal.1.jsonl: the last"));
  }
}

TEST(Damage, AFlippedBitLosesItsOwnLineAndIsReportedByNumber) {
  const Written written(3);
  for (std::size_t byte = written.start_of_line(3); byte + 1 < written.start_of_line(4); byte += 7) {
    std::string damaged = written.journal;
    damaged[byte] = static_cast<char>(damaged[byte] ^ 4);
    const RunState state = written.with(damaged);
    ASSERT_EQ(state.results.size(), 2u) << byte;
    ASSERT_FALSE(state.results.contains(1));
    ASSERT_EQ(state.warnings.size(), 1u);
    ASSERT_THAT(state.warnings[0], AllOf(HasSubstr("journal.1.jsonl:3: "), HasSubstr("its cell counts as missing")));
  }
}

TEST(Damage, ALostNewlineLosesTwoLinesAndNoMore) {
  const Written written(4);
  std::string damaged = written.journal;
  damaged[written.start_of_line(4) - 1] = ' ';
  const RunState state = written.with(damaged);
  EXPECT_EQ(state.results.size(), 2u);
  EXPECT_THAT(state.warnings, ElementsAre(HasSubstr("journal.1.jsonl:3: ")));
}

TEST(Damage, AFlippedBitInTheLastWholeLineIsNoTornTail) {
  const Written written(3);
  std::string damaged = written.journal;
  damaged[written.start_of_line(4) + 30] ^= 1;
  EXPECT_THAT(written.with(damaged).warnings, ElementsAre(HasSubstr("journal.1.jsonl:4: bad checksum")));
}

TEST(Damage, ACellWhoseCurveIsDamagedCountsAsMissingAndCanBeTrainedAgain) {
  const Written written(3);
  for (const bool cut : {false, true}) {
    std::string bulk = read_bytes(written.bulk);
    if (cut) bulk.resize(bulk.size() - 1);
    else bulk[bulk.size() - 4] ^= 1;
    write_bytes(written.bulk, bulk);
    const RunState state = read_run(written.scratch / "out");
    EXPECT_FALSE(state.results.contains(2));
    EXPECT_TRUE(state.results.contains(1));
    EXPECT_THAT(state.warnings, ElementsAre(AllOf(HasSubstr("journal.1.jsonl:4"), HasSubstr("bulk.1"))));
  }
  RunFolder folder = RunFolder::open(written.scratch / "out", testing::small_grid(), {});
  folder.finished(sample_result(2), 1, "slot 0");
  folder.flush();
  const RunState state = read_run(written.scratch / "out");
  EXPECT_TRUE(same_bits(state.results.at(2), sample_result(2)));
  EXPECT_EQ(state.warnings.size(), 1u) << "the damage stays reported";
}

TEST(Damage, AnEmptyJournalOfACrashAtTheStartBlocksNothing) {
  const Written written(2);
  write_bytes(written.scratch / "out/journal.2.jsonl", "");
  write_bytes(written.scratch / "out/lock", "{\"generation\":2,\"ho");
  const RunFolder folder = RunFolder::open(written.scratch / "out", testing::small_grid(), {});
  EXPECT_EQ(folder.state().generation, 3);
  EXPECT_EQ(folder.state().results.size(), 2u);
}

TEST(Damage, ABlockFileWhoseJournalWasRemovedIsLeftAlone) {
  const Written written(2);
  std::filesystem::remove(written.path);
  write_bytes(written.bulk, "blocks");
  std::filesystem::remove(written.scratch / "out/lock");
  const RunFolder folder = RunFolder::open(written.scratch / "out", testing::small_grid(), {});
  EXPECT_EQ(folder.state().generation, 2);
  EXPECT_EQ(read_bytes(written.bulk), "blocks");
}

TEST(Damage, ResultsWithoutAReadableSweepAreNotGivenToAnother) {
  const Written written(2);
  std::string damaged = written.journal;
  damaged[20] ^= 1;
  EXPECT_EQ(written.with(damaged).results.size(), 2u);
  EXPECT_THAT(
      testing::message_of<RunError>([&] { RunFolder::open(written.scratch / "out", testing::small_grid(), {}); }),
      HasSubstr("no readable sweep"));
}

TEST(Damage, LinesOfALaterVersionAreReportedAndAWholeJournalOfItIsRefused) {
  const Written written(1);
  const std::string unknown = LineWriter().text("kind", "new").text("utc", "").finish();
  EXPECT_THAT(written.with(written.journal + unknown).warnings,
              ElementsAre(HasSubstr("journal.1.jsonl:3: unknown kind \"new\"")));
  const std::string later =
      LineWriter().text("kind", "run").text("utc", "").integer("version", kJournalVersion + 1).finish();
  EXPECT_THAT(testing::message_of<RunError>([&] { written.with(later); }), HasSubstr("journal version " + std::to_string(kJournalVersion + 1)));
}

}  // namespace
}  // namespace phasegrid::results
