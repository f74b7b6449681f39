#include "results/journal_line.hpp"

#include <bit>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "results/checksum.hpp"

namespace phasegrid::results {
namespace {

TEST(Checksum, MatchesThePublishedVectors) {  // RFC 3720 B.4
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62A8AB43u);
  EXPECT_EQ(crc32c(""), 0u);
}

std::string without_newline(std::string line) {
  EXPECT_EQ(line.back(), '\n');
  line.pop_back();
  return line;
}

TEST(JournalLine, BringsEveryDoubleBackToTheBit) {
  using Limits = std::numeric_limits<double>;
  for (const double value : {0.0, -0.0, 0.1, 1.0 / 3, Limits::max(), -Limits::min(), Limits::denorm_min(), 1e22,
                             123456789012345678.0, Limits::infinity(), -Limits::infinity()}) {
    const std::string line = without_newline(LineWriter().real("x", value).reals("y", {value, 1, value}).finish());
    LineReader reader(line);
    EXPECT_EQ(std::bit_cast<std::uint64_t>(reader.real("x")), std::bit_cast<std::uint64_t>(value)) << line;
    EXPECT_EQ(reader.reals("y"), (std::vector<double>{value, 1, value})) << line;
  }
}

TEST(JournalLine, WritesNotANumberAsNull) {
  const std::string line = without_newline(LineWriter().real("x", std::nan("")).integer("n", -7).finish());
  EXPECT_EQ(line.find(R"({"x":null,"n":-7,"crc":")"), 0u) << line;
  LineReader reader(line);
  EXPECT_TRUE(std::isnan(reader.real("x")));
  EXPECT_EQ(reader.integer("n"), -7);
}

TEST(JournalLine, BringsBackTextOfEveryByte) {
  std::string every;
  for (int c = 0; c < 256; ++c) every += static_cast<char>(c);
  for (const std::string& text : {std::string(), std::string("κ \"quoted\" \\ \n"), every}) {
    const std::string line = without_newline(LineWriter().text("s", text).text("t", "end").finish());
    EXPECT_EQ(line.find('\n'), line.npos);
    LineReader reader(line);
    EXPECT_EQ(reader.text("s"), text);
    EXPECT_EQ(reader.text("t"), "end");
  }
}

TEST(JournalLine, RefusesALineWithAnyBitFlipped) {
  const std::string line = without_newline(LineWriter().text("kind", "started").integer("cell", 17).finish());
  for (std::size_t byte = 0; byte < line.size(); ++byte)
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = line;
      damaged[byte] = static_cast<char>(damaged[byte] ^ (1 << bit));
      // Hex digits differ from their capitals in one bit: the same checksum, and the same line.
      if (damaged[byte] >= 'A' && damaged[byte] <= 'F' && line[byte] >= 'a' && byte + 10 >= line.size()) continue;
      EXPECT_THROW(LineReader{damaged}, LineError) << damaged;
    }
}

TEST(JournalLine, NamesTheFieldItMisses) {
  const std::string line = without_newline(LineWriter().integer("cell", 17).finish());
  LineReader reader(line);
  EXPECT_FALSE(reader.next_is("cel"));
  EXPECT_TRUE(reader.next_is("cell"));
  try {
    reader.text("where");
    FAIL() << "a missing field went unnoticed";
  } catch (const LineError& error) { EXPECT_NE(std::string(error.what()).find("where"), std::string::npos); }
}

}  // namespace
}  // namespace phasegrid::results
