// INDUCTION HEADS: what followed the last time? (arXiv 2209.11895; a single trigger: 2312.00752; general: 2402.09268)
//
//   form = general   tokens uniform on 0 .. vocab - 1. Scored at every t whose token came before:
//                      label_t = u_j,  j = max{2 <= j <= t : u_{j-1} = u_t}
//          easy      a special token, number `vocab`, stands once at a uniform place p of 1 .. T - 2 and again at T;
//                      scored at T only, label u_{p+1}; all other tokens as above
//          hard      the same with p = 1: the answer must be kept through the whole sequence
//          recency   q a q c, then `gap` tokens other than q, then q at T, scored there only, label c. If T is longer
//                      than that, tokens other than q come first. a and c differ, so that a model must overwrite
//
// general, T = 8:               easy, T = 7, '*' is the special token:   recency, gap = 2, T = 7:
//
//   tokens   3 1 3 2 1 1 0 3      tokens   4 0 * 2 1 4 *                   tokens   5 1 5 3 0 1 5
//   targets  . . 1 . 3 1 . 2      targets  . . . . . . 2                   targets  . . . . . . 3
#include <algorithm>

#include "tasks/options.hpp"

namespace phasegrid::tasks {
namespace {

class General final : public Task {
 public:
  explicit General(const Options& options) : vocab_(options.integer("vocab")), T_(options.integer("T")) {}

  int vocab() const override { return vocab_; }
  int T() const override { return T_; }
  int most_scored() const override { return T_ - 1; }

  void draw(kernels::Random& random, Batch& batch) const override {
    thread_local std::vector<std::int32_t> follower;  // of a token's last occurrence
    follower.assign(vocab_, kUnscored);
    for (int t = 0, before = -1; t < T_; ++t) {
      const auto token = static_cast<std::int32_t>(random.below(vocab_));
      if (before >= 0) follower[before] = token;
      if (follower[token] != kUnscored) batch.score(t, follower[token]);
      batch.tokens.push_back(before = token);
    }
    batch.end_sequence();
  }

 private:
  int vocab_, T_;
};

class SingleTrigger final : public Task {
 public:
  SingleTrigger(const Options& options, bool hard)
      : vocab_(options.integer("vocab")), T_(options.integer("T")), hard_(hard) {}

  int vocab() const override { return vocab_ + 1; }
  int T() const override { return T_; }
  int most_scored() const override { return 1; }
  double guess() const override { return 1.0 / vocab_; }

  void draw(kernels::Random& random, Batch& batch) const override {
    const std::size_t row = batch.tokens.size(), place = hard_ ? 0 : random.below(T_ - 2);
    for (int t = 0; t < T_; ++t) batch.tokens.push_back(random.below(vocab_));
    batch.tokens[row + place] = batch.tokens[row + T_ - 1] = vocab_;
    batch.score(T_ - 1, batch.tokens[row + place + 1]);
    batch.end_sequence();
  }

  std::string symbol(std::int32_t token) const override { return token == vocab_ ? "*" : std::to_string(token); }

 private:
  int vocab_, T_;
  bool hard_;
};

class Recency final : public Task {
 public:
  explicit Recency(const Options& options)
      : vocab_(options.integer("vocab")), T_(options.integer("T")), before_(T_ - 5 - options.integer("gap")) {}

  int vocab() const override { return vocab_; }
  int T() const override { return T_; }
  int most_scored() const override { return 1; }
  double guess() const override { return 1.0 / (vocab_ - 2); }

  void draw(kernels::Random& random, Batch& batch) const override {
    const auto q = static_cast<std::int32_t>(random.below(vocab_));
    const auto other = [&] {  // uniform without q
      const auto token = static_cast<std::int32_t>(random.below(vocab_ - 1));
      return token + (token >= q);
    };
    for (int t = 0; t < before_; ++t) batch.tokens.push_back(other());
    const std::int32_t a = other();
    std::int32_t c = other();
    while (c == a) c = other();
    for (const std::int32_t token : {q, a, q, c}) batch.tokens.push_back(token);
    for (int t = before_ + 4; t < T_ - 1; ++t) batch.tokens.push_back(other());
    batch.tokens.push_back(q);
    batch.score(T_ - 1, c);
    batch.end_sequence();
  }

 private:
  int vocab_, T_, before_;
};

void complete(Options& options) {
  if (!options.has("gap")) options.numbers["gap"] = std::max(0.0, options.numbers["T"] - 5);
}

std::string fits(const Options& options) {
  const std::string& form = options.word("form");
  if (form == "recency") {
    if (options.integer("gap") + 5 > options.integer("T")) {
      return "T: q a q c, the gap and q must fit in, gap + 5 <= T, but " + say(options, "gap") + " and " +
             say(options, "T");
    }
    if (options.integer("vocab") < 3) return "vocab: q, a and c differ, vocab >= 3, but " + say(options, "vocab");
  } else if (form == "general" ? options.integer("T") < 2 : options.integer("T") < 3) {
    return "T: a token, its follower and the question need T >= " + std::string(form == "general" ? "2" : "3") +
           ", but " + say(options, "T");
  }
  return "";
}

std::unique_ptr<Task> make(const Options& options) {
  const std::string& form = options.word("form");
  if (form == "general") return std::make_unique<General>(options);
  if (form == "recency") return std::make_unique<Recency>(options);
  return std::make_unique<SingleTrigger>(options, form == "hard");
}

}  // namespace

TaskEntry induction_heads() {
  return {
      .name = "induction_heads",
      .help = "say what followed the token's last occurrence",
      .options = {{"form",
                   OptionKey::word,
                   "general",
                   0,
                   0,
                   {"general", "easy", "hard", "recency"},
                   "where the question stands"},
                  key_vocab("16"),
                  key_T("64"),
                  {"gap",
                   OptionKey::integer,
                   "max(0,T-5)",
                   0,
                   1 << 20,
                   {},
                   "recency: tokens between the last pair and the question"}},
      .complete = complete,
      .fits = fits,
      .make = make,
  };
}

}  // namespace phasegrid::tasks
