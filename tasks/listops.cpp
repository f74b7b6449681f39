// LISTOPS: the value of a nested expression of digits (Nangia and Bowman 2018; generator of Long Range Arena,
// arXiv 2011.04006).
//
//   tokens      digits 0 .. 9, openers 10 [MIN  11 [MAX  12 [MED  13 [SM, closer 14 ], filler 15
//   operators   minimum, maximum, median (of an even number: the mean of the middle two, rounded down), sum modulo 10
//   tree        the root is an operator; any other node above level `depth` is one with probability 1/4, else a digit;
//               an operator has 2 .. `args` arguments. All choices are uniform
//   length      only expressions of min_length .. T tokens are used: the first such of at most 1000 tries, else the
//               longest that fits T. Filler comes first, the expression ends at T and is scored there with its value
//
// Long Range Arena: depth = 10, args = 10, min_length = 501, T = 1999. Here with T = 10:
//
//   tokens     -    -  [MAX   2  [MIN   4    7    ]    0    ]
//   targets    .    .    .    .    .    .    .    .    .    4
#include <algorithm>

#include "tasks/options.hpp"

namespace phasegrid::tasks {
namespace {

constexpr std::int32_t kMin = 10, kMax = 11, kMedian = 12, kClose = 14, kFiller = 15;
constexpr int kTries = 1000;
constexpr const char* kSymbols[] = {"0", "1", "2",    "3",    "4",    "5",   "6", "7",
                                    "8", "9", "[MIN", "[MAX", "[MED", "[SM", "]", "-"};

int evaluate(std::int32_t opener, std::vector<int>& values) {
  if (opener == kMin) return *std::min_element(values.begin(), values.end());
  if (opener == kMax) return *std::max_element(values.begin(), values.end());
  if (opener == kMedian) {
    std::sort(values.begin(), values.end());
    const std::size_t middle = values.size() / 2;
    return values.size() % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  }
  int sum = 0;
  for (const int value : values) sum += value;
  return sum % 10;
}

class ListOps final : public Task {
 public:
  explicit ListOps(const Options& options)
      : depth_(options.integer("depth")),
        args_(options.integer("args")),
        min_length_(options.integer("min_length")),
        T_(options.integer("T")) {}

  int vocab() const override { return kFiller + 1; }
  int T() const override { return T_; }
  int most_scored() const override { return 1; }

  void draw(kernels::Random& random, Batch& batch) const override {
    std::vector<std::int32_t> longest, tokens;
    int value = 0;
    for (int i = 0; i < kTries && static_cast<int>(longest.size()) < min_length_; ++i) {
      tokens.clear();
      const int result = grow(random, 1, tokens);
      const bool fits = static_cast<int>(tokens.size()) <= T_;
      if (fits && tokens.size() > longest.size()) longest = tokens, value = result;
    }
    batch.tokens.insert(batch.tokens.end(), T_ - longest.size(), kFiller);
    batch.tokens.insert(batch.tokens.end(), longest.begin(), longest.end());
    batch.score(T_ - 1, value);
    batch.end_sequence();
  }

  std::string symbol(std::int32_t token) const override { return kSymbols[token]; }

 private:
  // Appends a random subtree and returns its value; gives up, with a meaningless rest, once it is longer than T.
  int grow(kernels::Random& random, int level, std::vector<std::int32_t>& tokens) const {
    if (level > 1 && (level >= depth_ || random.below(4) != 0)) {
      tokens.push_back(static_cast<std::int32_t>(random.below(10)));
      return tokens.back();
    }
    const auto opener = static_cast<std::int32_t>(kMin + random.below(4));
    tokens.push_back(opener);
    std::vector<int> values(2 + random.below(args_ - 1));
    for (int& value : values) {
      if (static_cast<int>(tokens.size()) > T_) return 0;
      value = grow(random, level + 1, tokens);
    }
    tokens.push_back(kClose);
    return evaluate(opener, values);
  }

  int depth_, args_, min_length_, T_;
};

// The longest expression that `depth` and `args` allow, or any number above `enough`.
std::int64_t longest(const Options& options, std::int64_t enough) {
  std::int64_t length = 1;
  for (std::int64_t level = 1; level < options.integer("depth") && length <= enough; ++level) {
    length = 2 + options.integer("args") * length;
  }
  return length;
}

std::string fits(const Options& options) {
  const std::int64_t min_length = options.integer("min_length");
  // The shortest expression, [op a b ], has probability (3/4)^2 / (args - 1) >= 1/16: 1000 tries suffice.
  if (min_length > options.integer("T")) {
    return "min_length: expressions must fit in, min_length <= T, but " + say(options, "min_length") + " and " +
           say(options, "T");
  }
  if (longest(options, min_length) < min_length) {
    return "min_length: no expression with " + say(options, "depth") + " and " + say(options, "args") +
           " is longer than " + std::to_string(longest(options, min_length)) + ", but " + say(options, "min_length");
  }
  return "";
}

}  // namespace

TaskEntry listops() {
  return {
      .name = "listops",
      .help = "say the value of a nested expression of digits",
      .options = {{"depth", OptionKey::integer, "4", 2, 64, {}, "levels of the expression, digits included"},
                  {"args", OptionKey::integer, "4", 2, 10, {}, "most arguments of an operator"},
                  {"min_length", OptionKey::integer, "4", 4, 1 << 20, {}, "tokens of the shortest expression"},
                  key_T("64")},
      .complete = nullptr,
      .fits = fits,
      .make = [](const Options& options) -> std::unique_ptr<Task> { return std::make_unique<ListOps>(options); },
  };
}

}  // namespace phasegrid::tasks
