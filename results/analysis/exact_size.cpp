#include "results/analysis/exact_size.hpp"

#include <algorithm>
#include <cmath>

#include "sweeps/cell.hpp"

namespace phasegrid::results::analysis {

using sweeps::Threshold;

std::optional<Exact> exact_size(const std::string& axis, const std::vector<Threshold>& all,
                                const std::function<Sizes(double x)>& sizes_at) {
  for (const Threshold& threshold : all) {
    if (threshold.kind != sweeps::Bound::exact || threshold.quantity != axis) continue;
    const Sizes there = sizes_at(threshold.value);
    const bool exists = std::ranges::all_of(all, [&](const Threshold& other) {
      if (other.name != threshold.name || other.kind != threshold.kind || other.quantity == axis) return true;
      const double has = other.quantity == "d"   ? there.d
                         : other.quantity == "N" ? there.N
                         : axis == "d"           ? there.D / there.d * threshold.value
                                                 : there.D;
      return has >= other.value;
    });
    if (exists) return Exact{threshold.name, threshold.condition, threshold.reference, threshold.value};
  }
  return std::nullopt;
}

double setting(const sweeps::Settings& settings, const std::string& name) {
  const int place = settings.schema().find(name);
  if (place < 0 || settings.is_word(name)) return sweeps::kNaN;
  const sweeps::Key& key = settings.schema().keys[static_cast<std::size_t>(place)];
  const bool numeric = key.kind != sweeps::Kind::word && key.kind != sweeps::Kind::boolean;
  return numeric && settings.read(key) ? settings.real(name) : sweeps::kNaN;
}

Sizes sizes_of(const sweeps::Settings& settings) {
  const double d = setting(settings, "d"), expand = setting(settings, "expand"), D = setting(settings, "D");
  return {d, setting(settings, "N"), !std::isnan(D) ? D : std::isnan(expand) ? d : expand * d};
}

}  // namespace phasegrid::results::analysis
