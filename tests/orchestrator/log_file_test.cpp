#include "orchestrator/log_file.hpp"

#include <gmock/gmock.h>

#include <sstream>

#include "tests/results/temporary_folder.hpp"

namespace phasegrid::orchestrator {
namespace {

using phasegrid::testing::read_bytes;
using phasegrid::testing::TemporaryFolder;
using ::testing::MatchesRegex;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(LogFile, StaysBoundedAndKeepsTheLastLinesInOrder) {
  const TemporaryFolder scratch;
  constexpr long kMost = 4096;
  LogFile log;
  log.open(scratch / "log/some.log", kMost);
  const std::size_t longest = std::string("2025-03-01T12:00:00Z line 999\n").size();
  for (int i = 0; i < 1000; ++i) log.line("line " + std::to_string(i));
  const std::string before = read_bytes(scratch / "log/some.log.1"), now = read_bytes(scratch / "log/some.log");
  EXPECT_LT(before.size(), kMost + longest);
  EXPECT_LT(now.size(), kMost);
  int number = 1000;
  const auto lines = lines_of(before + now);
  EXPECT_GT(lines.size(), kMost / longest);
  for (auto line = lines.rbegin(); line != lines.rend(); ++line)
    ASSERT_TRUE(line->ends_with(" line " + std::to_string(--number))) << *line;
}

TEST(LogFile, SaysOfEachLineWhoseItIs) {
  const TemporaryFolder scratch;
  LogFile log;
  log.open(scratch / "some.log");
  log.lines("rank 1 slot 0 host-a", "one\n\ntwo\n");
  log.lines("rank 2 slot 3 host-b", "three");
  log.lines("rank 2 slot 3 host-b", "\n");
  const auto lines = lines_of(read_bytes(scratch / "some.log"));
  ASSERT_EQ(lines.size(), 3u);
  const std::string time = "20..-..-..T..:..:..Z ";
  EXPECT_THAT(lines[0], MatchesRegex(time + "rank 1 slot 0 host-a: one"));
  EXPECT_THAT(lines[1], MatchesRegex(time + "rank 1 slot 0 host-a: two"));
  EXPECT_THAT(lines[2], MatchesRegex(time + "rank 2 slot 3 host-b: three"));
}

}  // namespace
}  // namespace phasegrid::orchestrator
