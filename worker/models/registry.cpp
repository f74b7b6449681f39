#include "worker/models/registry.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace phasegrid::worker {
namespace {

using sweeps::Settings;

std::string even_states(const Settings& s) {
  return s.integer("N") % 2 == 0 ? "" : fmt::format("N: complex states come in pairs, expected an even N, but N = {}", s.integer("N"));
}
std::string s4d_fits(const Settings& s) {
  if (s.word("s4d_mode") == "complex") return even_states(s);
  return s.word("s4d_init") == "real" ? "" : fmt::format("s4d_init: real states start at -1, -2, .., -N, expected \"real\", but s4d_init = \"{}\"", s.word("s4d_init"));
}
std::string b2s6_fits(const Settings& s) {
  const auto D = s.integer("D"), blocks = s.integer("blocks");
  if (D % blocks != 0) return fmt::format("blocks: the inner width is a multiple of the blocks, but blocks = {} and D = {}", blocks, D);
  return s.boolean("block_complex") ? even_states(s) : "";
}
void s4d_complete(Settings& s) {
  if (!s.given("s4d_init")) s.set("s4d_init", s.word("s4d_mode") == "real" ? "real" : "lin", false);
}

}  // namespace

const std::vector<VariantEntry>& all_variants() {
  static const std::vector<VariantEntry> variants = {
      {"mamba", "S6, the selective state-space model of Mamba (arXiv 2312.00752)", {"N", "delta_rank", "delta_activation", "discretisation", "token_dynamics", "reorder"}, {}, s6, s6},
      {"mamba2", "the state-space dual of Mamba-2 (arXiv 2405.21060)", {"N", "heads", "groups", "gated_norm", "delta_activation"}, {}, mamba2, mamba2, mamba2_rows},
      {"s4d", "S4D, a diagonal state-space model that does not look at its input (arXiv 2206.11893)", {"N", "s4d_mode", "s4d_init", "discretisation"},
       {{"gate", "false"}, {"discretisation", "zoh"}}, s4d, s4d, nullptr, s4d_fits, s4d_complete},
      {"mamba_s4d", "S4D inside the Mamba block", {"N", "s4d_mode", "s4d_init", "discretisation"}, {{"discretisation", "zoh"}}, s4d, s4d, nullptr, s4d_fits, s4d_complete},
      {"b2s6", "block-biased S6 (arXiv 2505.09022)",
       {"N", "blocks", "block_bias", "block_complex", "delta_rate", "delta_activation", "discretisation"}, {{"discretisation", "zoh"}}, b2s6, b2s6, nullptr, b2s6_fits},
      {"s4", "S4, with a state matrix that is diagonal plus rank one (arXiv 2111.00396)", {"N"}, {{"gate", "false"}}, s4, s4, nullptr, even_states},
      {"attention", "causal softmax attention", {"heads"}, {{"gate", "false"}}, attention, attention},
      {"mamba_delta_t", "S6 with a step size for every state (arXiv 2506.11891)", {"N", "delta_rank", "delta_activation", "discretisation", "token_dynamics", "reorder"}, {{"discretisation", "none"}}, mamba_delta_t, mamba_delta_t},
      {"linear_attention", "gated linear attention (arXiv 2312.06635)", {"N"}, {}, linear_attention, linear_attention},
  };
  return variants;
}

const VariantEntry* find_variant(std::string_view name) {
  const auto& variants = all_variants();
  const auto found = std::find_if(variants.begin(), variants.end(), [&](const VariantEntry& v) { return v.name == name; });
  return found == variants.end() ? nullptr : &*found;
}

}  // namespace phasegrid::worker
