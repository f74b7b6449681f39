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
#include "tasks/recipe.hpp"

namespace phasegrid::tasks {
namespace {

int integer(const Options& options, const char* name) { return static_cast<int>(options.integer(name)); }

class General final : public Task {
 public:
  explicit General(const Options& options) : r_{integer(options, "vocab"), integer(options, "T")} {}

  int vocab() const override { return r_.vocab; }
  int T() const override { return r_.T; }
  int most_scored() const override { return r_.T - 1; }

  void draw(kernels::Random& random, Batch& batch) const override { append(r_, random, batch); }
  bool recipe(Recipe& r) const override {
    r = {.kind = Recipe::Kind::general, .general = r_, .vocab = vocab(), .T = T(), .replaced = 0};
    return true;
  }

 private:
  GeneralRecipe r_;
};

class SingleTrigger final : public Task {
 public:
  SingleTrigger(const Options& options, bool hard) : r_{integer(options, "vocab"), integer(options, "T"), hard} {}

  int vocab() const override { return r_.vocab + 1; }
  int T() const override { return r_.T; }
  int most_scored() const override { return 1; }
  double guess() const override { return 1.0 / r_.vocab; }

  void draw(kernels::Random& random, Batch& batch) const override { append(r_, random, batch); }
  bool recipe(Recipe& r) const override {
    r = {.kind = Recipe::Kind::trigger, .trigger = r_, .vocab = vocab(), .T = T(), .replaced = 0};
    return true;
  }

  std::string symbol(std::int32_t token) const override { return token == r_.vocab ? "*" : std::to_string(token); }

 private:
  TriggerRecipe r_;
};

class Recency final : public Task {
 public:
  explicit Recency(const Options& options)
      : r_{integer(options, "vocab"), integer(options, "T"), integer(options, "T") - 5 - integer(options, "gap")} {}

  int vocab() const override { return r_.vocab; }
  int T() const override { return r_.T; }
  int most_scored() const override { return 1; }
  double guess() const override { return 1.0 / (r_.vocab - 2); }

  void draw(kernels::Random& random, Batch& batch) const override { append(r_, random, batch); }
  bool recipe(Recipe& r) const override {
    r = {.kind = Recipe::Kind::recency, .recency = r_, .vocab = vocab(), .T = T(), .replaced = 0};
    return true;
  }

 private:
  RecencyRecipe r_;
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
