// KEEP n-TH: at the end of the sequence, say what its n-th token was (arXiv 2506.11891, table 1).
//
//   u_1 .. u_T independent, uniform on 0 .. vocab - 1; scored at t = T only, with label u_n.     Chance: 1 / vocab.
//
// n = 2, T = 6, vocab = 10.  '.' marks positions that carry no loss.
//
//   tokens   7  3  0  3  9  4
//   targets  .  .  .  .  .  3
#include <algorithm>

#include "tasks/options.hpp"
#include "tasks/recipe.hpp"

namespace phasegrid::tasks {
namespace {

class KeepNth final : public Task {
 public:
  explicit KeepNth(const Options& options)
      : recipe_{static_cast<int>(options.integer("n")), static_cast<int>(options.integer("vocab")),
                static_cast<int>(options.integer("T"))} {}

  int vocab() const override { return recipe_.vocab; }
  int T() const override { return recipe_.T; }
  int most_scored() const override { return 1; }
  double guess() const override { return recipe_.n == recipe_.T ? 1 : 1.0 / recipe_.vocab; }

  void draw(kernels::Random& random, Batch& batch) const override { append(recipe_, random, batch); }
  bool recipe(Recipe& r) const override {
    r = {.kind = Recipe::Kind::keep_nth, .keep_nth = recipe_, .vocab = vocab(), .T = T(), .replaced = 0};
    return true;
  }

  // "before" up to and with the token to keep, "after" from then on: a solution forgets in one and holds in the other.
  std::vector<std::string> roles(const Batch&, int) const override {
    std::vector<std::string> roles(T(), "after");
    std::fill_n(roles.begin(), recipe_.n, "before");
    return roles;
  }

 private:
  KeepNthRecipe recipe_;
};

std::string fits(const Options& options) {
  if (options.integer("n") > options.integer("T")) {
    return "n: the token to keep must lie in the sequence, n <= T, but " + say(options, "n") + " and " +
           say(options, "T");
  }
  return "";
}

}  // namespace

TaskEntry keep_nth() {
  return {
      .name = "keep_nth",
      .help = "say at the end what the n-th token was",
      .options = {{"n", OptionKey::integer, "5", 1, 1 << 20, {}, "which token to keep, counted from 1"},
                  key_vocab("32"),
                  key_T("20")},
      .complete = nullptr,
      .fits = fits,
      .make = [](const Options& options) -> std::unique_ptr<Task> { return std::make_unique<KeepNth>(options); },
  };
}

}  // namespace phasegrid::tasks
