// Every model variant, by the name used in sweep files. A variant is one file in mixers/ and one line of the table.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace phasegrid::worker {

struct VariantEntry {
  std::string name;
  std::string help;                                // one line
  std::vector<std::string> keys;                   // keys of [model] that only some mixers read, and this one does
  std::map<std::string, std::string> fallbacks;    // defaults that differ from the key's own
};

const std::vector<VariantEntry>& all_variants();
const VariantEntry* find_variant(std::string_view name);   // null if there is none

}  // namespace phasegrid::worker
