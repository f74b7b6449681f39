// One line of a journal: a flat JSON object whose last field is the CRC-32C of all bytes before that field.
//
//   {"kind":"started","utc":"2025-03-01T12:00:00Z","cell":17,"attempt":1,"where":"rank 2 slot 0
//   host-a","crc":"89abcdef"}
//
// Fields are written and read in one fixed order, so that reading is a scan and not a parse (a million lines in two
// seconds). Doubles are written in the shortest form that reads back to the same bits; NaN is null, infinities are
// "inf" and "-inf".
#pragma once
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace phasegrid::results {

class LineWriter {
 public:
  LineWriter& text(std::string_view key, std::string_view value);
  LineWriter& integer(std::string_view key, std::int64_t value);
  LineWriter& real(std::string_view key, double value);
  LineWriter& reals(std::string_view key, const std::vector<double>& values);
  std::string finish();  // with checksum and newline

 private:
  void begin(std::string_view key);
  std::string line_ = "{";
};

// The line is not what a LineWriter writes. With a good checksum: written by another version of the program.
class LineError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Views the line; it must outlive the reader.
class LineReader {
 public:
  explicit LineReader(std::string_view line);  // without newline; throws LineError on a bad checksum

  bool next_is(std::string_view key) const;  // for fields that may be absent
  std::string text(std::string_view key);
  std::int64_t integer(std::string_view key);
  double real(std::string_view key);
  std::vector<double> reals(std::string_view key);

 private:
  void begin(std::string_view key);
  void expect(char c);
  double number();
  std::string string();
  std::string_view rest_;
};

}  // namespace phasegrid::results
