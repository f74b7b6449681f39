#include "sweeps/thresholds.hpp"

#include <algorithm>
#include <cmath>

#include "sweeps/bounds.hpp"

namespace phasegrid::sweeps {
namespace {

struct Sizes {
  std::int64_t d, D, N;
};

void add(std::vector<Threshold>& all, Bound kind, const char* name, Sizes sizes, const char* condition,
         const char* reference) {
  all.push_back({kind, "d", static_cast<double>(sizes.d), name, condition, reference});
  all.push_back({kind, "D", static_cast<double>(sizes.D), name, condition, reference});
  all.push_back({kind, "N", static_cast<double>(sizes.N), name, condition, reference});
}

// What the counting bound of 3.7 counts: n recalled symbols out of nu. It needs conv - 1 tokens of no matter between them
// and a question. Where a task asks at once, the convolution shows the question the last `shown` of them: the state need
// not hold these.
struct Recalled {
  std::int64_t n, nu;
  bool distinct;
  const char* name;
  std::int64_t shown = 0;
  bool evenly = true;  // each of the n is asked for equally often, so that the mean error over questions is theirs

  Recalled without_shown() const {
    return {n - shown, distinct ? nu - shown : nu, distinct, name, 0, evenly};
  }
};

std::optional<Recalled> recalled(const TheoryCase& c) {
  const bool affine = c.layers == 1 && !c.normed &&
                      (c.variant == "mamba" || c.variant == "mamba2" || c.variant == "s4d" ||
                       c.variant == "mamba_s4d" || c.variant == "mamba_delta_t");
  if (!affine) return {};
  Recalled what{0, 0, false, ""};
  if (c.task == "mqar") {
    if (c.kappa < 1 || c.pairs > c.kappa || c.N < 1) return {};
    what = {c.pairs, c.nu, c.distinct_values, "mqar_counting", c.conv / 2};
  }
  if (c.task == "induction_heads") {
    // As many pairs as fit before a question; where one follower is asked for, it alone must be kept.
    const std::int64_t pairs = std::min(c.vocab / 2, (c.T - std::max<std::int64_t>(c.conv, 1)) / 2);
    what = {c.one_follower ? 1 : pairs, c.vocab - c.vocab / 2, false, "induction_counting", 0, c.one_follower};
  }
  if (c.task == "pointer_value_retrieval" && c.pointer_last) what = {c.T - 1, c.vocab, false, "pvr_counting", std::max<std::int64_t>(c.conv - 1, 0)};
  if (what.n < 1 || what.nu < 2 || (what.distinct && what.nu < what.n)) return {};
  return what;
}

void add_state(std::vector<Threshold>& all, const TheoryCase& c) {
  auto what = recalled(c);
  if (!what) return;
  // To be exact means to be so on the sequences, too, whose questions of MQAR keep clear of the pairs, if there is room for
  // such sequences: n questions at every other place, none at the first `shown` ones.
  const std::int64_t questions = (c.T - 2 * (c.pairs + c.overwrites)) / 2;
  const bool room = c.task == "mqar" && (questions >= what->n + what->shown || questions < what->n);  // or T is not said
  if (!room) what = what->without_shown();
  if (what->n < 1) return;
  all.push_back({Bound::lower_bound, "state",
                 static_cast<double>(lower_bound_state(what->n, what->nu, c.error, what->distinct)), what->name,
                 "one recurrent layer, no norm after the mixer, any precision", "theory 3.7 LB1"});
}

// Some channel may hold t.
bool knows_time(const TheoryCase& c) {
  return c.positional == "scalar" || c.positional == "learned" || c.positional == "ssm_time";
}

void s6_mqar(std::vector<Threshold>& all, const TheoryCase& c) {
  const std::int64_t p = bits_for(c.nu), code = bits_for(c.kappa);
  if (c.random_filler) {
    if (c.conv >= 2 && knows_time(c))
      add(all, Bound::exact, "s6_mqar_random_filler", {c.kappa + p + 2, c.kappa + p + 2, c.kappa},
          "conv >= 2, positional encoding, no norm; random filler, any T and assignment", "theory 3.1 C1b");
  } else if (c.conv >= 2) {
    add(all, Bound::exact, "s6_mqar_exact", {c.kappa + p, c.kappa + p, c.kappa},
        "conv >= 2, no norm; any T and assignment", "theory 3.1 C1; arXiv 2506.11891 Theorem 2");
    add(all, Bound::exact, "s6_mqar_precision_limited", {c.kappa + 1, c.kappa + 1, c.kappa},
        "conv >= 2, activation identity or relu, no norm; relative precision far below 1/nu^2", "theory 3.1 C1'");
    if (c.distinct_values)
      add(all, Bound::exact, "s6_mqar_distinct", {code + c.nu, code + c.nu, code},
          "conv >= 2, activation identity, no norm; no repeated value", "theory 3.2 C2a");
  }
  if (const auto sizes = jl_sizes(c.kappa, c.pairs, c.nu, c.jl_error);
      sizes && c.distinct_values && c.conv >= 2 && !c.random_filler)
    add(all, Bound::asymptotic, "s6_mqar_jl", {sizes->mk + sizes->mv, sizes->mk + sizes->mv, sizes->mk},
        "random codes on average, activation identity, distinct values, error 0.01", "theory 3.2 C2c");
  all.push_back({Bound::asymptotic, "d", static_cast<double>(c.kappa) + std::log2(c.vocab), "s6_mqar_order",
                 "order of growth; constants unknown, here 1", "arXiv 2506.11891 Theorem 2"});
}

void mamba2_mqar(std::vector<Threshold>& all, const TheoryCase& c) {
  const std::int64_t p = bits_for(c.nu), code = bits_for(c.kappa), columns = std::min(c.N, c.kappa);
  if (c.conv >= 2 && !c.random_filler) {
    add(all, Bound::exact, "mamba2_mqar_exact", {c.kappa + p, p, c.kappa}, "conv >= 2, no norm; any T and assignment",
        "theory 3.2 C2b");
    if (c.gate)
      add(all, Bound::exact, "mamba2_mqar_hybrid", {c.kappa + p, (c.kappa + columns - 1) / columns * p, columns},
          "conv >= 2, gate, activation relu or silu, no norm; any assignment; at this N", "theory 3.3 C4");
    if (c.distinct_values)
      add(all, Bound::exact, "mamba2_mqar_distinct", {code + c.nu, c.nu, code},
          "conv >= 2, activation identity, no norm; no repeated value", "theory 3.2 C2a");
  }
  if (const auto sizes = jl_sizes(c.kappa, c.pairs, c.nu, c.jl_error);
      sizes && c.distinct_values && c.conv >= 2 && !c.random_filler)
    add(all, Bound::asymptotic, "mamba2_mqar_jl", {sizes->mk + sizes->mv, sizes->mv, sizes->mk},
        "random codes on average, activation identity, distinct values, error 0.01", "theory 3.2 C2c");
  all.push_back({Bound::asymptotic, "N", std::log2(c.kappa), "mamba2_mqar_order",
                 "order of growth; constants unknown, here 1", "arXiv 2506.11891 Theorems 2-4"});
}

void s4d_mqar(std::vector<Threshold>& all, const TheoryCase& c) {
  const std::int64_t p = bits_for(c.nu), inner = c.kappa * p;
  if (c.gate && c.conv >= 2 && !c.random_filler)
    add(all, Bound::exact, "s4d_gate_mqar_exact",
        {c.own_width ? c.kappa + p : std::max(c.kappa + p, (inner + c.expand - 1) / c.expand), inner,
         c.complex_modes ? 2 : 1},
        "conv >= 2, gate, relu or scaled silu, no norm; any assignment",
        "theory 3.4 C3; arXiv 2506.11891 Theorems 2-4");
  all.push_back({Bound::asymptotic, "d", static_cast<double>(c.kappa) * std::log2(c.vocab), "s4d_gate_mqar_order",
                 "order of growth; constants unknown, here 1", "arXiv 2506.11891 Theorems 2-4"});
}

void mqar(std::vector<Threshold>& all, const TheoryCase& c) {
  if (c.kappa < 1 || c.nu < 1 || c.pairs < 1 || c.pairs > c.kappa || c.N < 1) return;  // no such task
  if (c.variant == "mamba") s6_mqar(all, c);
  if (c.variant == "mamba2") mamba2_mqar(all, c);
  if (c.variant == "mamba_s4d") s4d_mqar(all, c);
}

void keep_nth(std::vector<Threshold>& all, const TheoryCase& c) {
  const std::int64_t p = bits_for(c.vocab);
  if (c.variant == "mamba" && knows_time(c))
    add(all, Bound::exact, "s6_keep_nth_exact", {p + 2, p + 2, 1}, "positional encoding, no norm; any T",
        "theory 3.5 C5");
  if (c.variant == "s4d" || c.variant == "mamba_s4d")
    add(all, Bound::exact, "s4d_keep_nth_exact", {p + c.gate, p + c.gate, 2 * (c.T / 2 + 1)},
        "T/2 + 1 undamped conjugate pairs; for this T only; one channel more to hold a gate open", "theory 3.5 C6");
}

constexpr std::int64_t kLongestGap = 100;  // of C7b, in single precision

void induction_heads(std::vector<Threshold>& all, const TheoryCase& c) {
  if (c.variant == "mamba" && c.conv >= 2 && c.T <= kLongestGap)
    add(all, Bound::exact, "s6_induction_short", {2 * c.vocab, 2 * c.vocab, c.vocab},
        "conv >= 2, no norm; T <= 100, single precision", "theory 3.8 C7b");
  if (c.variant == "mamba_delta_t" && c.conv >= 2)
    add(all, Bound::exact, "delta_t_induction_exact", {2 * c.vocab, 2 * c.vocab, c.vocab}, "conv >= 2, no norm; any T",
        "theory 3.8 C7");
}

// n pieces, or all modes of T points.
void piecewise_constant(std::vector<Threshold>& all, const TheoryCase& c) {
  const std::int64_t n = most_pieces(c.jumps, c.T);
  const bool s6 = c.variant == "mamba" && knows_time(c), s4d = c.variant == "s4d" || c.variant == "mamba_s4d";
  const char* memories = "positional encoding, discretisation none, no norm; T points";
  if (s6 && c.plain_input) add(all, Bound::exact, "s6_pieces_exact", {3, 2 * n + 2, 1}, memories, "theory 3.6 H1");
  if (c.variant == "mamba_delta_t" && knows_time(c) && c.plain_input)
    add(all, Bound::exact, "delta_t_pieces_exact", {3, 4, n}, memories, "theory 3.6 H1");
  if (s6 && !c.identity)
    add(all, Bound::exact, "s6_wavelets_exact", {3, 2 * n + 1, n}, "positional encoding, relu or silu, no norm; T points",
        "theory 3.6 H2");
  if (s4d && c.complex_modes)
    add(all, Bound::exact, "s4d_modes_exact", {c.gate ? 2 : 1, 2, 2 * (c.T / 2 + 1)}, "complex modes, no norm; this T only",
        "theory 3.6 H3");
}

void pointer_value_retrieval(std::vector<Threshold>& all, const TheoryCase& c) {
  if (!c.pointer_last) return;
  const std::int64_t p = bits_for(c.vocab);
  if (c.variant == "mamba" && (c.positional == "onehot" || c.positional == "learned"))
    add(all, Bound::exact, "s6_pvr_exact", {c.T - 1 + p, c.T - 1 + p, c.T - 1},
        "one-hot or learned positions, pointer last, no norm", "theory 3.8 C8");
}

// Reads keys that a schema may lack: a task or variant that knows no such key keeps the table's own value.
struct Reader {
  const Settings& settings;
  bool has(const char* name) const { return settings.schema().find(name) >= 0; }
  void read(const char* name, std::int64_t& into) const {
    if (has(name) && !settings.is_word(name)) into = settings.integer(name);
  }
  void read(const char* name, bool& into) const {
    if (has(name)) into = settings.boolean(name);
  }
  void read(const char* name, std::string& into) const {
    if (has(name)) into = settings.word(name);
  }
};

// What the options of a task make of its case; false where the table does not speak of them.
bool adapt(TheoryCase& c, const Reader& reader) {
  if (c.task == "induction_heads") {
    std::string form;
    reader.read("form", form);
    c.one_follower = !form.empty() && form != "general";
    c.vocab += form == "easy" || form == "hard";  // the trigger
  }
  if (c.task == "pointer_value_retrieval") {
    std::int64_t window = 1;
    reader.read("window", window);
    c.vocab = c.nu;
    return window == 1;
  }
  return true;
}

}  // namespace

const char* to_text(Bound bound) {
  return bound == Bound::exact ? "exact" : bound == Bound::lower_bound ? "lower_bound" : "asymptotic";
}

std::vector<Threshold> thresholds(const TheoryCase& c) {
  std::vector<Threshold> all;
  if (c.task == "mqar") mqar(all, c);
  if (c.task == "keep_nth") keep_nth(all, c);
  if (c.task == "induction_heads") induction_heads(all, c);
  if (c.task == "pointer_value_retrieval") pointer_value_retrieval(all, c);
  if (c.task == "piecewise_constant") piecewise_constant(all, c);
  add_state(all, c);
  return all;
}

namespace {

// Nothing where the table does not speak of the cell's options.
std::optional<TheoryCase> theory_case(const Reader& reader) {
  TheoryCase c;
  std::string final_norm = "none", mode, pointer, rule, activation;
  for (const auto& [name, into] : {std::pair("variant", &c.variant),
                                   {"task", &c.task},
                                   {"positional", &c.positional},
                                   {"final_norm", &final_norm},
                                   {"s4d_mode", &mode},
                                   {"pointer", &pointer},
                                   {"discretisation", &rule},
                                   {"activation", &activation}})
    reader.read(name, *into);
  for (const auto& [name, into] : {std::pair("kappa", &c.kappa),
                                   {"nu", &c.nu},
                                   {"pairs", &c.pairs},
                                   {"vocab", &c.vocab},
                                   {"T", &c.T},
                                   {"N", &c.N},
                                   {"expand", &c.expand},
                                   {"conv", &c.conv},
                                   {"layers", &c.layers},
                                   {"jumps", &c.jumps}})
    reader.read(name, *into);
  reader.read("overwrites", c.overwrites);
  reader.read("gate", c.gate), reader.read("distinct_values", c.distinct_values);
  bool gated_norm = false;
  reader.read("gated_norm", gated_norm);
  std::string filler;
  reader.read("filler", filler);
  c.random_filler = filler == "random";
  c.own_width = reader.has("D") && reader.settings.given("D");
  c.normed = final_norm != "none" || gated_norm;
  c.plain_input = rule == "none", c.identity = activation == "identity";
  c.complex_modes = mode == "complex", c.pointer_last = pointer.empty() || pointer == "last";
  if (!adapt(c, reader)) return {};
  return c;
}

}  // namespace

std::vector<Threshold> thresholds(const Settings& settings) {
  const Reader reader{settings};
  const auto c = theory_case(reader);
  if (!c) return {};
  std::vector<Threshold> all = thresholds(*c);
  // No weights of the table bear noise or overwritten keys; what is necessary stays necessary.
  std::int64_t overwrites = 0;
  reader.read("overwrites", overwrites);
  const auto noisy = [&](const char* key) { return reader.has(key) && settings.real(key) > 0; };
  if (overwrites > 0 || noisy("token_noise") || noisy("embedding_noise"))
    std::erase_if(all, [](const Threshold& threshold) { return threshold.kind == Bound::exact; });
  const auto& built_by = settings.schema().construction;
  if (const std::string construction = built_by ? built_by(settings) : ""; !construction.empty())
    std::erase_if(all, [&](const Threshold& threshold) {
      return threshold.kind == Bound::exact && construction_named(threshold) != construction;
    });
  return all;
}

std::string construction_named(const Threshold& threshold) {  // "theory 3.1 C1; arXiv 2506.11891 Theorem 2"
  const std::string theory = threshold.reference.substr(0, threshold.reference.find(';'));
  return threshold.kind == Bound::exact ? theory.substr(theory.rfind(' ') + 1) : "";
}

std::optional<double> least_error(const Settings& settings, std::int64_t state) {
  const auto c = theory_case(Reader{settings});
  const auto what = c ? recalled(*c) : std::nullopt;
  if (!what || !what->evenly || what->n <= what->shown) return {};
  const Recalled held = what->without_shown();  // the others may all be right
  return least_error(state, held.n, held.nu, held.distinct) * static_cast<double>(held.n) / static_cast<double>(what->n);
}

}  // namespace phasegrid::sweeps
