// POINTER VALUE RETRIEVAL: a pointer says which of the values is asked for (Zhang et al. 2021, arXiv 2107.12580).
//
//   tokens    values 0 .. nu - 1, pointer to value q = 0 .. T - 2 is token nu + q
//   layout    T - 1 values, uniform, and one uniform pointer before (`pointer = first`) or behind them (`last`)
//   label     at T only: of the window x_q .. x_{q+window-1} (going round at the end) the sum mod nu, or the majority
//             (the smallest of the most frequent values). A window of 1 is the value itself
//
// pointer = last, window = 1, T = 6, '>2' points to value 2 (counted from 0).
//
//   tokens    3  1  4  1  5 >2
//   targets   .  .  .  .  .  4
#include <algorithm>

#include "tasks/options.hpp"

namespace phasegrid::tasks {
namespace {

class PointerValueRetrieval final : public Task {
 public:
  explicit PointerValueRetrieval(const Options& options)
      : nu_(options.integer("nu")),
        T_(options.integer("T")),
        window_(options.integer("window")),
        first_(options.word("pointer") == "first"),
        majority_(options.word("aggregate") == "majority") {}

  int vocab() const override { return nu_ + T_ - 1; }
  int T() const override { return T_; }
  int most_scored() const override { return 1; }
  double guess() const override { return window_ > 1 && majority_ ? 1 : 1.0 / nu_; }

  void draw(kernels::Random& random, Batch& batch) const override {
    const std::size_t row = batch.tokens.size();
    const auto q = static_cast<int>(random.below(T_ - 1));
    if (first_) batch.tokens.push_back(nu_ + q);
    for (int i = 0; i < T_ - 1; ++i) batch.tokens.push_back(static_cast<std::int32_t>(random.below(nu_)));
    if (!first_) batch.tokens.push_back(nu_ + q);
    batch.score(T_ - 1, label({batch.tokens.data() + row + first_, static_cast<std::size_t>(T_ - 1)}, q));
    batch.end_sequence();
  }

  std::vector<std::string> roles(const Batch&, int) const override {
    std::vector<std::string> roles(T_, "value");
    roles[first_ ? 0 : T_ - 1] = "key";
    return roles;
  }

  std::string symbol(std::int32_t token) const override {
    return token < nu_ ? std::to_string(token) : mark(">", token - nu_);
  }

 private:
  std::int32_t label(std::span<const std::int32_t> values, int q) const {
    thread_local std::vector<int> times;
    times.assign(majority_ ? nu_ : 0, 0);
    std::int64_t sum = 0;
    for (int i = 0; i < window_; ++i) {
      const std::int32_t value = values[(q + i) % values.size()];
      sum += value;
      if (majority_) ++times[value];
    }
    if (!majority_) return static_cast<std::int32_t>(sum % nu_);
    return static_cast<std::int32_t>(std::max_element(times.begin(), times.end()) -
                                     times.begin());  // the first of them
  }

  int nu_, T_, window_;
  bool first_, majority_;
};

std::string fits(const Options& options) {
  if (options.integer("T") < 2) return "T: a pointer and a value need T >= 2, but " + say(options, "T");
  if (options.integer("window") > options.integer("T") - 1) {
    return "window: at most all values are aggregated, window <= T - 1, but " + say(options, "window") + " and " +
           say(options, "T");
  }
  return "";
}

}  // namespace

TaskEntry pointer_value_retrieval() {
  return {
      .name = "pointer_value_retrieval",
      .help = "say the value, or the sum or majority of the values, that a pointer points to",
      .options =
          {key_nu("10"),
           key_T("32"),
           {"pointer", OptionKey::word, "last", 0, 0, {"first", "last"}, "where the pointer stands"},
           {"window", OptionKey::integer, "1", 1, 1 << 20, {}, "values that are aggregated, from the pointed one on"},
           {"aggregate", OptionKey::word, "sum", 0, 0, {"sum", "majority"}, "how a window becomes one value"}},
      .complete = nullptr,
      .fits = fits,
      .make = [](const Options& options) -> std::unique_ptr<Task> {
        return std::make_unique<PointerValueRetrieval>(options);
      },
  };
}

}  // namespace phasegrid::tasks
