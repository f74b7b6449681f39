#include "results/batch_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "results/hdf5_numbers.hpp"

namespace phasegrid::results {
namespace {

namespace fs = std::filesystem;

constexpr std::int32_t kUnscored = -100;
constexpr std::size_t kBlock = std::size_t{1} << 18;  // numbers looked at together

std::string shape_text(const std::vector<std::size_t>& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

// One dataset of the pair, checked for kind and shape.
Numbers open_dataset(const fs::path& path, const Handle& file, const std::string& name, bool integers, std::size_t least_rank, std::size_t most_rank,
                     const char* expected) {
  if (std::ranges::count(names_of(file), name) == 0) refuse(path, name, std::string("is missing, expected ") + expected);
  Numbers numbers(path, file, name);
  const auto& shape = numbers.shape();
  if ((integers && !numbers.integers()) || shape.size() < least_rank || shape.size() > most_rank)
    refuse(path, name, fmt::format("holds {} of shape {}, expected {}", numbers.integers() ? "integers" : "real numbers", shape_text(shape), expected));
  for (const std::size_t extent : shape)
    if (extent < 1 || extent > static_cast<std::size_t>(std::numeric_limits<int>::max()))
      refuse(path, name, fmt::format("has the shape {}, expected at least one of everything", shape_text(shape)));
  return numbers;
}

std::vector<std::int32_t> integers_of(const fs::path& path, const std::string& name, const Numbers& numbers, std::int64_t first, std::int64_t count) {
  const std::vector<std::int64_t> wide = numbers.wide(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
  const std::size_t T = numbers.shape()[1];
  std::vector<std::int32_t> values(wide.size());
  for (std::size_t i = 0; i < wide.size(); ++i) {
    values[i] = static_cast<std::int32_t>(wide[i]);
    const bool fits = values[i] == wide[i] && (wide[i] >= 0 || (name == "targets" && wide[i] == kUnscored));
    if (!fits)
      refuse(path, name, fmt::format("row {}, position {}: found {}, expected {}", first + static_cast<std::int64_t>(i / T), i % T, wide[i],
                                     name == "targets" ? "a label from 0 on, or -100 where nothing is asked" : "a token from 0 on"));
  }
  return values;
}

}  // namespace

struct BatchReader::Impl {
  fs::path path;
  Handle file;
  std::unique_ptr<Numbers> left, right;   // tokens and targets, or inputs and values
  std::int64_t sequences = 0;
  int T = 0, channels = 0, outputs = 0;
  bool at_end = false;                    // values [batch, outputs]
};

BatchReader::~BatchReader() = default;
std::int64_t BatchReader::sequences() const { return impl_->sequences; }
int BatchReader::T() const { return impl_->T; }
int BatchReader::channels() const { return impl_->channels; }
int BatchReader::outputs() const { return impl_->outputs; }

BatchReader::BatchReader(const fs::path& path) : impl_(std::make_unique<Impl>()) {
  Impl& in = *impl_;
  in.path = path, in.file = open_file(path);
  const std::vector<std::string> names = names_of(in.file);
  const bool real = std::ranges::count(names, "inputs") > 0;
  if (real && std::ranges::count(names, "tokens") > 0) refuse(path, "", "holds tokens and inputs, expected one of them");
  const auto open = [&](const char* name, std::size_t least, std::size_t most, const char* expected) {
    return std::make_unique<Numbers>(open_dataset(path, in.file, name, !real, least, most, expected));
  };
  in.left = real ? open("inputs", 3, 3, "real numbers of shape [batch, T, channels]")
                 : open("tokens", 2, 2, "integers of shape [batch, T] (or inputs, real numbers of shape [batch, T, channels])");
  in.right = real ? open("values", 2, 3, "real numbers of shape [batch, T, outputs] or [batch, outputs]") : open("targets", 2, 2, "integers of shape [batch, T]");
  const auto &left = in.left->shape(), &right = in.right->shape();
  in.at_end = real && right.size() == 2;
  if (right[0] != left[0] || (!in.at_end && right[1] != left[1]))
    refuse(path, real ? "values" : "targets", fmt::format("has the shape {}, expected that of {}, {}", shape_text(right), real ? "inputs" : "tokens", shape_text(left)));
  in.sequences = static_cast<std::int64_t>(left[0]), in.T = static_cast<int>(left[1]);
  if (real) in.channels = static_cast<int>(left[2]), in.outputs = static_cast<int>(right.back());
}

BatchFile BatchReader::read(std::int64_t first, std::int64_t count) const {
  const Impl& in = *impl_;
  BatchFile batch;
  batch.batch = static_cast<int>(count), batch.T = in.T, batch.channels = in.channels, batch.outputs = in.outputs;
  if (in.channels == 0) {
    batch.tokens = integers_of(in.path, "tokens", *in.left, first, count);
    batch.targets = integers_of(in.path, "targets", *in.right, first, count);
    return batch;
  }
  const std::size_t row = static_cast<std::size_t>(first), rows = static_cast<std::size_t>(count), T = static_cast<std::size_t>(in.T),
                    channels = static_cast<std::size_t>(in.channels), outputs = static_cast<std::size_t>(in.outputs);
  batch.inputs = in.left->narrow(row, rows);
  for (std::size_t i = 0; i < batch.inputs.size(); ++i)
    if (!std::isfinite(batch.inputs[i]))
      refuse(in.path, "inputs", fmt::format("row {}, position {}: found {}, expected a number", row + i / (T * channels), i / channels % T, batch.inputs[i]));
  batch.values = in.right->narrow(row, rows);
  if (in.at_end) {
    std::vector<float> dense(rows * T * outputs, std::numeric_limits<float>::quiet_NaN());
    for (std::size_t r = 0; r < rows; ++r) std::copy_n(batch.values.begin() + static_cast<std::ptrdiff_t>(r * outputs), outputs, dense.begin() + static_cast<std::ptrdiff_t>((r * T + T - 1) * outputs));
    batch.values = std::move(dense);
  }
  for (std::size_t p = 0; p < rows * T; ++p) {
    const auto begin = batch.values.begin() + static_cast<std::ptrdiff_t>(p * outputs), end = begin + in.outputs;
    const auto missing = std::count_if(begin, end, [](float v) { return std::isnan(v); });
    if ((missing > 0 && missing < in.outputs) || std::any_of(begin, end, [](float v) { return std::isinf(v); }))
      refuse(in.path, "values", fmt::format("row {}, position {}: expected numbers, or not-a-number in all outputs where nothing is asked", row + p / T, p % T));
  }
  return batch;
}

BatchFile read_batch(const fs::path& path) {
  const BatchReader reader(path);
  return reader.read(0, reader.sequences());
}

namespace {

// 64 bits of the bytes, eight at a time.
class Hash {
 public:
  template <class Number>
  void add(const std::vector<Number>& numbers) {
    static_assert(sizeof(Number) == 4);
    for (std::size_t i = 0; i < numbers.size(); i += 2) {
      std::uint32_t words[2] = {0, 0};
      std::memcpy(words, &numbers[i], std::min<std::size_t>(2, numbers.size() - i) * 4);
      mix(static_cast<std::uint64_t>(words[1]) << 32 | words[0]);
    }
  }
  void mix(std::uint64_t word) {
    hash_ = (hash_ ^ word) * 0x9E3779B97F4A7C15ull;
    hash_ ^= hash_ >> 29;
  }
  std::string text() const { return fmt::format("{:016x}", (hash_ ^ hash_ >> 32) * 0xBF58476D1CE4E5B9ull); }

 private:
  std::uint64_t hash_ = 0xcbf29ce484222325ull;
};

// How often something is asked in each row, and the largest numbers.
void look(const BatchFile& block, std::int64_t first, BatchFacts& facts) {
  const std::size_t T = static_cast<std::size_t>(block.T), outputs = static_cast<std::size_t>(block.outputs);
  for (std::size_t row = 0; row < static_cast<std::size_t>(block.batch); ++row) {
    int scored = 0;
    for (std::size_t p = row * T; p < (row + 1) * T; ++p) {
      if (outputs > 0) {
        scored += !std::isnan(block.values[p * outputs]);
        continue;
      }
      if (block.tokens[p] > facts.token) facts.token = block.tokens[p], facts.token_row = first + static_cast<std::int64_t>(row);
      if (block.targets[p] == kUnscored) continue;
      ++scored;
      if (block.targets[p] > facts.label) facts.label = block.targets[p], facts.label_row = first + static_cast<std::int64_t>(row);
    }
    facts.most_scored = std::max(facts.most_scored, scored);
  }
}

}  // namespace

BatchFacts inspect_batch(const fs::path& path) {
  const BatchReader reader(path);
  BatchFacts facts{.sequences = reader.sequences(), .T = reader.T(), .channels = reader.channels(), .outputs = reader.outputs()};
  const std::int64_t numbers_each = std::int64_t{facts.T} * std::max(1, facts.channels + facts.outputs);
  // An even number of rows, so that pairs of numbers do not depend on where blocks end.
  const std::int64_t rows = std::max<std::int64_t>(1, static_cast<std::int64_t>(kBlock) / numbers_each / 2) * 2;
  Hash left, right;
  for (const std::int64_t n : {facts.sequences, std::int64_t{facts.T}, std::int64_t{facts.channels}, std::int64_t{facts.outputs}}) left.mix(static_cast<std::uint64_t>(n));
  for (std::int64_t first = 0; first < facts.sequences; first += rows) {
    const BatchFile block = reader.read(first, std::min(rows, facts.sequences - first));
    look(block, first, facts);
    left.add(block.tokens), left.add(block.inputs), right.add(block.targets);
    std::vector<float> values = block.values;
    for (float& value : values)
      if (std::isnan(value)) value = std::numeric_limits<float>::quiet_NaN();   // one of many bit patterns
    right.add(values);
  }
  if (facts.most_scored == 0) refuse(path, facts.channels > 0 ? "values" : "targets", "asks for nothing, expected something in at least one row");
  facts.content = left.text() + right.text();
  return facts;
}

}  // namespace phasegrid::results
