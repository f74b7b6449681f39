// Which constructions are run on which sizes, and one step below them: docs/theory.md, 3.1 to 3.5 and 3.8.
#include <fmt/format.h>

#include <algorithm>

#include "sweeps/bounds.hpp"
#include "worker/verification/trial.hpp"

namespace phasegrid::worker {
namespace {


Step less_N(Sizes s, std::int64_t by = 1) {
  s.N -= by;
  return {fmt::format("N = {}", s.N), s, "", {}};
}
Step less_D(Sizes s, std::int64_t by) {
  s.D -= by;
  return {fmt::format("D = {}", s.D), s, "", {}};
}
Step less_d(Sizes s, bool with_D = true, const char* note = "") {
  s.d -= 1, s.D -= with_D;
  return {fmt::format("d = {}{}", s.d, note), s, "", {}};
}

constexpr const char* kPlain = "gate = false\n";
constexpr const char* kSigned = "gate = false\nactivation = \"identity\"\n";
constexpr const char* kRepeats = "distinct_values = false\n";

void mqar_memories(const VerifyRequest& request, std::vector<Trial>& trials) {
  const Recall r = recall_of(request);
  const auto p = sweeps::bits_for(r.nu), k = r.kappa, code = sweeps::bits_for(k);
  const Sizes c1{k + p, k + p, k};
  trials.push_back(
      {"C1", "mamba", "mqar", r.with(kRepeats), kPlain, c1, {less_N(c1), less_d(c1, true, " (one bit fewer)")}});
  Recall few = r;
  few.nu = std::min(r.nu, kMostLevels);
  const Sizes scalar{k + 1, k + 1, k};
  trials.push_back({"C1'", "mamba", "mqar", few.with(kRepeats), kSigned, scalar, {less_N(scalar), less_d(scalar)}});
  const Sizes c1b{k + p + 2, k + p + 2, k};
  trials.push_back({"C1b",
                    "mamba",
                    "mqar",
                    r.with("distinct_values = false\nfiller = \"random\"\n"),
                    Text(kSigned) + "positional = \"scalar\"\n",
                    c1b,
                    {less_N(c1b), less_d(c1b, true, " (one bit fewer)")}});
  Recall apart = r;
  apart.pairs = std::min(r.pairs, r.nu);
  for (const char* variant : {"mamba", "mamba2"}) {
    const bool ssd = Text(variant) == "mamba2";
    const Sizes c2a{code + r.nu, ssd ? r.nu : code + r.nu, code};
    std::vector<Step> below;
    if (code > 1) below.push_back(less_N(c2a));
    below.push_back(less_d(c2a, true, " (two values share a channel)"));
    if (apart.pairs > 2) below.push_back({"repeated values", c2a, apart.with(kRepeats), {}});
    trials.push_back({"C2a", variant, "mqar", apart.with(""), kSigned, c2a, below});
    if (ssd) {
      const Sizes c2b{k + p, p, k};
      trials.push_back({"C2b", variant, "mqar", r.with(kRepeats), kPlain, c2b, {less_N(c2b), less_D(c2b, 1)}});
      if (p == 1) trials.back().below.pop_back();
    }
    const auto jl = sweeps::jl_sizes(k, apart.pairs, r.nu, 0.01);
    if (!jl) continue;
    const Sizes c2c{jl->mk + jl->mv, ssd ? jl->mv : jl->mk + jl->mv, jl->mk};
    const std::int64_t mk = std::max<std::int64_t>(1, std::min(jl->mk / 3, code)),
                       mv = std::max<std::int64_t>(1, std::min(jl->mv / 3, p));
    trials.push_back({"C2c",
                      variant,
                      "mqar",
                      apart.with(""),
                      kSigned,
                      c2c,
                      {{fmt::format("codes as short as signs: N = {}, D = {}", mk, ssd ? mv : mk + mv),
                        {mk + mv, ssd ? mv : mk + mv, mk},
                        "",
                        {}}},
                      0.99,
                      64});
  }
}

void mqar_slots(const VerifyRequest& request, std::vector<Trial>& trials) {
  const Recall r = recall_of(request);
  const auto p = sweeps::bits_for(r.nu), k = r.kappa;
  const Sizes c3{k + p, k * p, 1};
  for (const char* activation : {"relu", "silu"})
    trials.push_back({"C3",
                      "mamba_s4d",
                      "mqar",
                      r.with(kRepeats),
                      fmt::format("activation = \"{}\"\ns4d_mode = \"real\"\n", activation),
                      c3,
                      {less_D(c3, p), less_d(c3, false, " (one bit fewer)")}});
  std::vector<std::int64_t> columns = {1, sweeps::bits_for(k), k};
  columns.erase(std::unique(columns.begin(), columns.end()), columns.end());
  for (const std::int64_t N : columns) {
    const std::int64_t slots = (k + N - 1) / N;
    const Sizes c4{k + p, slots * p, N};
    trials.push_back({"C4",
                      "mamba2",
                      "mqar",
                      r.with(kRepeats),
                      "activation = \"relu\"\nheads = 1\n",
                      c4,
                      {slots > 1 ? less_D(c4, p) : less_N(c4), less_d(c4, false, " (one bit fewer)")}});
  }
}

void keep_nth(const VerifyRequest& request, std::vector<Trial>& trials) {
  const std::int64_t T = request.T, n = std::min<std::int64_t>(5, std::max<std::int64_t>(1, T - 1)),
                     p = sweeps::bits_for(request.nu);
  const Text text = fmt::format("vocab = {}\nn = {}\nT = {}\n", request.nu, n, T);
  const Sizes c5{p + 2, p + 2, 1};
  const auto forget_position = [d = static_cast<int>(c5.d)](Weights& w) { w("in_proj.x", d - 1, d - 1) = 0; };
  for (const char* rule : {"euler", "zoh"}) {
    std::vector<Step> below = {{"no position", c5, "", forget_position}};
    if (p > 1) below.insert(below.begin(), less_d(c5, true, " (one bit fewer)"));
    trials.push_back(
        {"C5", "mamba", "keep_nth", text,
         fmt::format(
             "conv = 0\ngate = false\nactivation = \"identity\"\npositional = \"scalar\"\ndiscretisation = \"{}\"\n",
             rule),
         c5, below});
  }
  std::vector<Step> below;
  if (p > 1) below.push_back(less_d(c5, true, " (one bit fewer)"));
  below.push_back({"no position", c5, "", forget_position});
  trials.push_back({"C5", "mamba", "keep_nth", text, "conv = 0\nactivation = \"relu\"\npositional = \"ssm_time\"\n", c5,
                    below});  // Proposition 1: time from a layer of its own
  const std::int64_t modes = T / 2 + 1;
  const Sizes c6{p, p, 2 * modes};
  trials.push_back({"C6", "s4d", "keep_nth", text, "conv = 0\n", c6, {less_N(c6, 2 * (modes - modes / 2))}});
  trials.back().below[0].what += " (half of the modes)";
}

void one_hop(const VerifyRequest& request, std::vector<Trial>& trials) {
  const std::int64_t V = request.kappa;
  const Sizes c7{2 * V, 2 * V, V};
  for (const char* rule : {"none", "euler", "zoh"})
    trials.push_back(
        {"C7",
         "mamba_delta_t",
         "induction_heads",
         fmt::format("vocab = {}\nT = {}\n", V, request.T),
         fmt::format("gate = false\nactivation = \"identity\"\ndelta_rank = \"full\"\ndiscretisation = \"{}\"\n", rule),
         c7,
         {less_N(c7), less_d(c7)}});
  // S6 keeps the answer as long as 0.45^gap is a number; the hard form has a gap of T - 2.
  const auto hard = [V](std::int64_t T) { return fmt::format("vocab = {}\nform = \"hard\"\nT = {}\n", V, T); };
  const Sizes c7b{2 * (V + 1), 2 * (V + 1), V + 1};
  trials.push_back({"C7b",
                    "mamba",
                    "induction_heads",
                    hard(std::min(request.T, kLongestGap)),
                    kSigned,
                    c7b,
                    {less_N(c7b), less_d(c7b), {fmt::format("T = {}", kUnderflow), c7b, hard(kUnderflow), {}}}});
  const std::int64_t L = std::min(request.T - 1, kMostPointers), p = sweeps::bits_for(request.nu);
  const Sizes c8{L + p, L + p, L};
  std::vector<Step> below = {less_N(c8)};
  if (p > 1) below.push_back(less_d(c8, true, " (one bit fewer)"));
  trials.push_back({"C8", "mamba", "pointer_value_retrieval", fmt::format("nu = {}\nT = {}\n", request.nu, L + 1),
                    "conv = 0\ngate = false\nactivation = \"identity\"\npositional = \"onehot\"\n", c8, below});
}

}  // namespace

std::vector<Trial> recall_trials(const VerifyRequest& request) {
  std::vector<Trial> trials;
  mqar_memories(request, trials), mqar_slots(request, trials), keep_nth(request, trials), one_hop(request, trials);
  return trials;
}

}  // namespace phasegrid::worker
