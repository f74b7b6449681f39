// Every model variant, by the name used in sweep files: one line each in registry.cpp.
#pragma once
#include <map>
#include <string>
#include <type_traits>
#include <vector>

#include "worker/models/mixers/mixers.hpp"

namespace phasegrid::worker {

template <class Real>
using Mixer = kernels::Rows<Real> (*)(Builder<Real>&, const MixerInput<Real>&);

struct VariantEntry {
  std::string name;
  std::string help;
  std::map<std::string, std::string> fallbacks;  // defaults that differ
  std::vector<std::string> keys;                 // mixer-specific keys it reads
  Mixer<float> mixer_float;
  Mixer<double> mixer_double;

  template <class Real>
  Mixer<Real> mixer() const {
    if constexpr (std::is_same_v<Real, float>) return mixer_float;
    else return mixer_double;
  }
};

const std::vector<VariantEntry>& all_variants();
const VariantEntry* find_variant(const std::string& name);  // null if there is none

}  // namespace phasegrid::worker
