// Multi-query associative recall, as Zoology draws it (Arora et al. 2023, arXiv 2312.04927).
//
//   symbols   0 filler, keys 1 .. kappa, values kappa + 1 .. kappa + nu
//   pairs     n = `pairs` keys without replacement, each with a value; tokens 1 .. 2n are k_1 v_1 .. k_n v_n. Then
//             o = `overwrites` of these keys (none in Zoology), again without replacement, each with a fresh value.
//             Values are drawn without (`distinct_values`) or with replacement; v_i is the last value of k_i
//   queries   S = (T - 2 (n + o)) / 2 places; offsets g_1 .. g_n drawn one after the other without replacement with
//             p(g) ~ (g + 1)^(power_a - 1), g = 0 .. S - 1: key k_i returns at position 2 (n + o) + 1 + 2 g_i
//             (counted from 1), scored there with label v_i
//   filler    everything else is 0 (`zero`) or uniform on 0 .. vocab - 1 (`random`)
//
// Needs n <= kappa, o <= n, n + o <= nu for distinct values, 1 + kappa + nu <= vocab, T even and 4 n + 2 o <= T.
//
// kappa = 2, T = 8, offsets 1 and 0.  '.' marks positions that carry no loss.
//
//   tokens   k1 v1 k2 v2  k2  -  k1  -
//   targets   .  .  .  .  v2  .  v1  .
//
// Ceiling. Random filler repeats queried keys and puts values behind them by accident: before 10.1 % of all queries at
// kappa = nu = 16, n = 8, T = 64, so that 9.5 % of the latest pairs of a queried key are wrong. That misleads recency,
// but never makes the label uncertain: among the first 2 (n + o) tokens only the pairs have a value behind a key, and
// the last pair of a key there (without overwrites: its first anywhere) is the true one. So the ceiling is 1.
#include <cmath>

#include "tasks/options.hpp"
#include "tasks/recipe.hpp"

namespace phasegrid::tasks {
namespace {

std::vector<double> offset_weights(int places, double power_a) {
  std::vector<double> weights(places);
  for (int g = 0; g < places; ++g) weights[g] = std::pow(g + 1, power_a - 1);
  return weights;
}

class Mqar final : public Task {
 public:
  explicit Mqar(const Options& options)
      : r_(numbers(options)), offsets_(offset_weights(r_.places, options.real("power_a"))) {
    r_.offsets = offsets_.table();
  }

  int vocab() const override { return r_.vocab; }
  int T() const override { return r_.T; }
  int most_scored() const override { return r_.pairs; }
  double guess() const override { return 1.0 / (r_.distinct_values ? r_.nu - r_.stored + 1 : r_.nu); }

  void draw(kernels::Random& random, Batch& batch) const override { append(r_, random, batch); }
  bool recipe(Recipe& r) const override {
    r = {.kind = Recipe::Kind::mqar, .mqar = r_, .vocab = vocab(), .T = T(), .replaced = 0};
    return true;
  }

  std::vector<std::string> roles(const Batch& batch, int sequence) const override {
    std::vector<std::string> roles(r_.T, "filler");
    for (int i = 0; i < r_.stored; ++i) roles[2 * i] = "key", roles[2 * i + 1] = "value";
    for (int i = batch.first[sequence]; i < batch.first[sequence + 1]; ++i) roles[batch.position[i]] = "query";
    return roles;
  }

  std::string symbol(std::int32_t token) const override {
    if (token == 0) return "-";
    if (token <= r_.kappa) return mark("k", token);
    if (token <= r_.kappa + r_.nu) return mark("v", token - r_.kappa);
    return std::to_string(token);  // only random filler uses symbols that are neither
  }

 private:
  static MqarRecipe numbers(const Options& options) {
    const auto number = [&](const char* name) { return static_cast<int>(options.integer(name)); };
    const int pairs = number("pairs"), stored = pairs + number("overwrites"), T = number("T");
    return {.kappa = number("kappa"), .nu = number("nu"), .pairs = pairs, .stored = stored, .vocab = number("vocab"), .T = T,
            .places = (T - 2 * stored) / 2, .random_filler = options.word("filler") == "random",
            .distinct_values = options.boolean("distinct_values"), .offsets = {}};
  }

  MqarRecipe r_;
  Urn offsets_;
};

// A vocabulary given alone means Zoology's layout: half of it keys (without the filler), half of it values.
void complete(Options& options) {
  auto& numbers = options.numbers;
  if (options.has("vocab") && !options.has("kappa") && !options.has("nu")) {
    const std::int64_t vocab = options.integer("vocab");
    numbers["kappa"] = vocab / 2 - 1, numbers["nu"] = vocab - vocab / 2;
  } else if (!options.has("nu")) {
    numbers["nu"] = numbers["kappa"];
  }
  if (!options.has("vocab")) numbers["vocab"] = 1 + numbers["kappa"] + numbers["nu"];
  if (!options.has("pairs")) numbers["pairs"] = numbers["kappa"];
}

std::string fits(const Options& options) {
  const std::int64_t kappa = options.integer("kappa"), nu = options.integer("nu"), pairs = options.integer("pairs");
  const auto both = [&](const char* a, const char* b) {
    return ", but " + say(options, a) + " and " + say(options, b);
  };
  if (kappa < 1) return "kappa: at least one key symbol is needed, 1 + kappa + nu <= vocab" + both("kappa", "vocab");
  if (1 + kappa + nu > options.integer("vocab")) {
    return "vocab: filler, keys and values must fit in, 1 + kappa + nu <= vocab" + both("kappa", "nu") + " and " +
           say(options, "vocab");
  }
  if (pairs > kappa) return "pairs: keys are drawn without replacement, pairs <= kappa" + both("pairs", "kappa");
  const std::int64_t overwrites = options.integer("overwrites");
  if (overwrites > pairs) {
    return "overwrites: a key is overwritten once at most, overwrites <= pairs" + both("overwrites", "pairs");
  }
  if (options.boolean("distinct_values") && pairs + overwrites > nu) {
    return std::string("pairs: distinct values are drawn without replacement, pairs + overwrites <= nu") +
           both("pairs", "nu") + " and " + say(options, "overwrites") + " (or set distinct_values = false)";
  }
  if (options.integer("T") % 2 != 0) {
    return "T: pairs and queries take two places each, T must be even, but " + say(options, "T");
  }
  if (4 * pairs + 2 * overwrites > options.integer("T")) {
    return "T: every pair is asked for once, 4 * pairs + 2 * overwrites <= T" + both("pairs", "T") + " and " +
           say(options, "overwrites");
  }
  return "";
}

}  // namespace

TaskEntry mqar() {
  constexpr double most = 1 << 20;
  return {
      .name = "mqar",
      .help = "multi-query associative recall: key-value pairs first, then the value of each key that comes back",
      .options = {{"kappa", OptionKey::integer, "8", 1, most, {}, "number of key symbols"},
                  key_nu("kappa"),
                  {"pairs", OptionKey::integer, "kappa", 1, most, {}, "key-value pairs in a sequence"},
                  key_vocab("1+kappa+nu"),
                  key_T("64"),
                  {"power_a", OptionKey::real, "0.01", 0, 4, {}, "queries come at offset g with p ~ (g+1)^(power_a-1)"},
                  {"filler", OptionKey::word, "zero", 0, 0, {"zero", "random"}, "what stands where nothing is asked"},
                  {"distinct_values", OptionKey::boolean, "true", 0, 1, {}, "draw values without replacement"},
                  {"overwrites", OptionKey::integer, "0", 0, most, {}, "keys that come again with another value"}},
      .complete = complete,
      .fits = fits,
      .make = [](const Options& options) -> std::unique_ptr<Task> { return std::make_unique<Mqar>(options); },
  };
}

}  // namespace phasegrid::tasks
