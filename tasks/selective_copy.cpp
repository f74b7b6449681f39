// SELECTIVE COPYING: say the symbols that were scattered in noise, in their order (arXiv 2312.00752; generator of the
// S4 repository's copying task with variable positions).
//
//   tokens    0 noise, symbols 1 .. vocab - 2, vocab - 1 the mark that asks
//   layout    `copies` symbols, uniform, at distinct uniform places of the first T - copies positions, noise between
//             them; then `copies` marks, scored with the symbols in the order in which they came
//
// copies = 3, T = 10.  '?' is the mark, '.' marks positions that carry no loss.
//
//   tokens   -  4  -  -  1  4  -  ?  ?  ?
//   targets  .  .  .  .  .  .  .  4  1  4
#include <algorithm>

#include "tasks/draw.hpp"
#include "tasks/options.hpp"

namespace phasegrid::tasks {
namespace {

class SelectiveCopy final : public Task {
 public:
  explicit SelectiveCopy(const Options& options)
      : copies_(options.integer("copies")), vocab_(options.integer("vocab")), T_(options.integer("T")) {}

  int vocab() const override { return vocab_; }
  int T() const override { return T_; }
  int most_scored() const override { return copies_; }
  double guess() const override { return 1.0 / (vocab_ - 2); }

  void draw(kernels::Random& random, Batch& batch) const override {
    thread_local std::vector<std::uint32_t> places;
    places.resize(copies_);
    draw_distinct(random, T_ - copies_, places);
    std::sort(places.begin(), places.end());
    const std::size_t row = batch.tokens.size();
    batch.tokens.resize(row + T_);
    for (int i = 0; i < copies_; ++i) {
      const auto symbol = static_cast<std::int32_t>(1 + random.below(vocab_ - 2));
      batch.tokens[row + places[i]] = symbol;
      batch.tokens[row + T_ - copies_ + i] = vocab_ - 1;
      batch.score(T_ - copies_ + i, symbol);
    }
    batch.end_sequence();
  }

  std::vector<std::string> roles(const Batch& batch, int sequence) const override {
    std::vector<std::string> roles(T_, "query");
    const std::int32_t* token = batch.tokens.data() + static_cast<std::size_t>(sequence) * T_;
    for (int t = 0; t < T_ - copies_; ++t) roles[t] = token[t] == 0 ? "filler" : "value";
    return roles;
  }

  std::string symbol(std::int32_t token) const override {
    return token == 0 ? "-" : token == vocab_ - 1 ? "?" : std::to_string(token);
  }

 private:
  int copies_, vocab_, T_;
};

std::string fits(const Options& options) {
  if (options.integer("vocab") < 3)
    return "vocab: noise, mark and one symbol need vocab >= 3, but " + say(options, "vocab");
  if (2 * options.integer("copies") > options.integer("T")) {
    return "T: every symbol comes once and is asked for once, 2 * copies <= T, but " + say(options, "copies") +
           " and " + say(options, "T");
  }
  return "";
}

}  // namespace

TaskEntry selective_copy() {
  return {
      .name = "selective_copy",
      .help = "say the symbols that were scattered in noise, in their order",
      .options = {{"copies", OptionKey::integer, "8", 1, 1 << 20, {}, "symbols to copy"}, key_vocab("16"), key_T("64")},
      .complete = nullptr,
      .fits = fits,
      .make = [](const Options& options) -> std::unique_ptr<Task> { return std::make_unique<SelectiveCopy>(options); },
  };
}

}  // namespace phasegrid::tasks
