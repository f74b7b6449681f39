#include "worker/models/registry.hpp"

#include <algorithm>

namespace phasegrid::worker {

const std::vector<VariantEntry>& all_variants() {
  static const std::vector<VariantEntry> variants = {
      {"mamba", "S6, the selective state-space model of Mamba (arXiv 2312.00752)", {"N", "delta_rank", "delta_activation", "discretisation"}, {}, s6, s6},
      {"mamba2", "the state-space dual of Mamba-2 (arXiv 2405.21060)", {"N", "heads", "groups", "gated_norm", "delta_activation"}, {}, mamba2, mamba2, mamba2_rows},
      {"mamba_delta_t", "S6 with a step size for every state (arXiv 2506.11891)", {"N", "delta_rank", "delta_activation", "discretisation"}, {{"discretisation", "none"}}, mamba_delta_t, mamba_delta_t},
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
