#include "results/journal_line.hpp"

#include <charconv>
#include <cmath>
#include <limits>

#include "results/checksum.hpp"

namespace phasegrid::results {
namespace {

constexpr std::string_view kChecksumField = R"(,"crc":")";
constexpr std::size_t kTail = kChecksumField.size() + 8 + 2;  // the field, eight hex digits, and `"}`
constexpr char kHex[] = "0123456789abcdef";

void append_number(std::string& out, auto value) {
  char digits[32];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

void append_real(std::string& out, double value) {
  if (std::isnan(value)) out += "null";
  else if (std::isinf(value)) out += value > 0 ? R"("inf")" : R"("-inf")";
  else append_number(out, value);
}

void append_string(std::string& out, std::string_view text) {
  out += '"';
  for (char c : text) {
    if (c == '"' || c == '\\') (out += '\\') += c;
    else if (c == '\n') out += "\\n";
    else if (static_cast<unsigned char>(c) >= 0x20) out += c;
    else (((out += "\\u00") += kHex[c >> 4]) += kHex[c & 15]);
  }
  out += '"';
}

}  // namespace

void LineWriter::begin(std::string_view key) {
  if (line_.size() > 1) line_ += ',';
  ((line_ += '"') += key) += "\":";
}

LineWriter& LineWriter::text(std::string_view key, std::string_view value) {
  begin(key);
  append_string(line_, value);
  return *this;
}

LineWriter& LineWriter::integer(std::string_view key, std::int64_t value) {
  begin(key);
  append_number(line_, value);
  return *this;
}

LineWriter& LineWriter::real(std::string_view key, double value) {
  begin(key);
  append_real(line_, value);
  return *this;
}

LineWriter& LineWriter::reals(std::string_view key, const std::vector<double>& values) {
  begin(key);
  line_ += '[';
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) line_ += ',';
    append_real(line_, values[i]);
  }
  line_ += ']';
  return *this;
}

std::string LineWriter::finish() {
  const std::uint32_t crc = crc32c(line_);
  line_ += kChecksumField;
  for (int shift = 28; shift >= 0; shift -= 4) line_ += kHex[(crc >> shift) & 15];
  line_ += "\"}\n";
  return std::move(line_);
}

LineReader::LineReader(std::string_view line) {
  if (line.size() <= kTail || line.front() != '{' || !line.ends_with("\"}")) throw LineError("not a journal line");
  const std::size_t body = line.size() - kTail;
  std::uint32_t crc = 0;
  const char* digits = line.data() + body + kChecksumField.size();
  const bool hex = std::from_chars(digits, digits + 8, crc, 16).ptr == digits + 8;
  if (!hex || line.substr(body, kChecksumField.size()) != kChecksumField || crc != crc32c(line.substr(0, body)))
    throw LineError("bad checksum");
  rest_ = line.substr(1, body - 1);
}

void LineReader::expect(char c) {
  if (rest_.empty() || rest_.front() != c) throw LineError(std::string("expected '") + c + "'");
  rest_.remove_prefix(1);
}

bool LineReader::next_is(std::string_view key) const {
  return rest_.size() > key.size() + 2 && rest_[0] == '"' && rest_.substr(1, key.size()) == key &&
         rest_[key.size() + 1] == '"';
}

// Fields are separated by commas; the comma behind a value is eaten with the value, so that a key comes next or
// nothing.
void LineReader::begin(std::string_view key) {
  if (!next_is(key)) throw LineError("expected the field \"" + std::string(key) + "\"");
  rest_.remove_prefix(key.size() + 2);
  expect(':');
}

std::string LineReader::string() {
  expect('"');
  std::string out;
  for (;;) {
    const std::size_t plain = rest_.find_first_of("\"\\");
    if (plain == rest_.npos) throw LineError("a string has no end");
    out.append(rest_.substr(0, plain));
    const char stop = rest_[plain];
    rest_.remove_prefix(plain + 1);
    if (stop == '"') return out;
    const char escape = rest_.empty() ? '\0' : rest_.front();
    if (escape == 'u' && rest_.size() >= 5) {
      int code = 0;
      std::from_chars(rest_.data() + 1, rest_.data() + 5, code, 16);
      out += static_cast<char>(code);
      rest_.remove_prefix(5);
    } else if (escape == 'n' || escape == '"' || escape == '\\') {
      out += escape == 'n' ? '\n' : escape;
      rest_.remove_prefix(1);
    } else {
      throw LineError("unknown escape in a string");
    }
  }
}

double LineReader::number() {
  if (rest_.starts_with("null")) {
    rest_.remove_prefix(4);
    return std::numeric_limits<double>::quiet_NaN();
  }
  if (rest_.starts_with('"')) {
    const std::string word = string();
    if (word != "inf" && word != "-inf") throw LineError("expected a number");
    return word == "inf" ? HUGE_VAL : -HUGE_VAL;
  }
  double value = 0;
  const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
  if (error != std::errc()) throw LineError("expected a number");
  rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
  return value;
}

std::string LineReader::text(std::string_view key) {
  begin(key);
  std::string value = string();
  if (!rest_.empty()) expect(',');
  return value;
}

std::int64_t LineReader::integer(std::string_view key) {
  begin(key);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
  if (error != std::errc()) throw LineError("expected an integer");
  rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
  if (!rest_.empty()) expect(',');
  return value;
}

double LineReader::real(std::string_view key) {
  begin(key);
  const double value = number();
  if (!rest_.empty()) expect(',');
  return value;
}

std::vector<double> LineReader::reals(std::string_view key) {
  begin(key);
  expect('[');
  std::vector<double> values;
  while (!rest_.empty() && rest_.front() != ']') {
    if (!values.empty()) expect(',');
    values.push_back(number());
  }
  expect(']');
  if (!rest_.empty()) expect(',');
  return values;
}

}  // namespace phasegrid::results
