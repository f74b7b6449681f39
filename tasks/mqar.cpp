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

#include "tasks/draw.hpp"
#include "tasks/options.hpp"

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
      : kappa_(options.integer("kappa")),
        nu_(options.integer("nu")),
        pairs_(options.integer("pairs")),
        stored_(pairs_ + options.integer("overwrites")),
        vocab_(options.integer("vocab")),
        T_(options.integer("T")),
        places_((T_ - 2 * stored_) / 2),
        random_filler_(options.word("filler") == "random"),
        distinct_values_(options.boolean("distinct_values")),
        offsets_(offset_weights(places_, options.real("power_a"))) {}

  int vocab() const override { return vocab_; }
  int T() const override { return T_; }
  int most_scored() const override { return pairs_; }
  double guess() const override { return 1.0 / (distinct_values_ ? nu_ - stored_ + 1 : nu_); }

  void draw(kernels::Random& random, Batch& batch) const override {
    thread_local std::vector<std::uint32_t> keys, values, again, offsets, pair_at;
    keys.resize(pairs_), values.resize(stored_), again.resize(stored_ - pairs_), offsets.resize(pairs_);
    draw_distinct(random, kappa_, keys);
    if (distinct_values_) {
      draw_distinct(random, nu_, values);
    } else {
      for (std::uint32_t& value : values) value = random.below(nu_);
    }
    offsets_.draw(random, offsets);
    pair_at.assign(places_, 0);  // 1 + the pair that is asked for at this place
    for (int i = 0; i < pairs_; ++i) pair_at[offsets[i]] = 1 + i;

    const std::size_t row = batch.tokens.size();
    batch.tokens.resize(row + T_);
    std::int32_t* token = batch.tokens.data() + row;
    draw_distinct(random, pairs_, again);
    for (int i = 0; i < stored_; ++i) {
      token[2 * i] = 1 + keys[i < pairs_ ? i : again[i - pairs_]], token[2 * i + 1] = 1 + kappa_ + values[i];
    }
    for (int i = pairs_; i < stored_; ++i) values[again[i - pairs_]] = values[i];
    for (int t = 2 * stored_, place = 0; place < places_; ++place, t += 2) {
      if (const std::uint32_t i = pair_at[place]) {
        token[t] = 1 + keys[i - 1];
        batch.score(t, 1 + kappa_ + values[i - 1]);
      } else if (random_filler_) {
        token[t] = random.below(vocab_);
      }
      if (random_filler_) token[t + 1] = random.below(vocab_);
    }
    batch.end_sequence();
  }

  std::vector<std::string> roles(const Batch& batch, int sequence) const override {
    std::vector<std::string> roles(T_, "filler");
    for (int i = 0; i < stored_; ++i) roles[2 * i] = "key", roles[2 * i + 1] = "value";
    for (int i = batch.first[sequence]; i < batch.first[sequence + 1]; ++i) roles[batch.position[i]] = "query";
    return roles;
  }

  std::string symbol(std::int32_t token) const override {
    if (token == 0) return "-";
    if (token <= kappa_) return mark("k", token);
    if (token <= kappa_ + nu_) return mark("v", token - kappa_);
    return std::to_string(token);  // only random filler uses symbols that are neither
  }

 private:
  int kappa_, nu_, pairs_, stored_, vocab_, T_, places_;
  bool random_filler_, distinct_values_;
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
