// Every model variant, by the name used in sweep files. A variant is one file in mixers/ and one line of the table.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "worker/models/mixers/mixers.hpp"

namespace phasegrid::worker {

template <class Real>
using Mixer = kernels::Rows<Real> (*)(Builder<Real>&, const MixerInput<Real>&);

struct VariantEntry {
  std::string name;
  std::string help;                                // one line
  std::vector<std::string> keys;                   // keys of [model] that only some mixers read, and this one does
  std::map<std::string, std::string> fallbacks;    // defaults that differ from the key's own
  Mixer<float> mixer_float;
  Mixer<double> mixer_double;
  BlockRows (*own_rows)(const ModelSettings&) = nullptr;   // none
  std::string (*fits)(const sweeps::Settings&) = nullptr;   // as sweeps::Choice::fits; null: everything fits
  void (*complete)(sweeps::Settings&) = nullptr;            // as sweeps::Choice::complete

  template <class Real>
  Mixer<Real> mixer() const {
    if constexpr (std::is_same_v<Real, float>) return mixer_float;
    else return mixer_double;
  }
};

const std::vector<VariantEntry>& all_variants();
const VariantEntry* find_variant(std::string_view name);   // null if there is none

}  // namespace phasegrid::worker
