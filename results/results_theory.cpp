// Theory beside the data: the thresholds of each cell, over the axes on which they depend.
//
// theory_<kind>_<quantity> where a cell has at most one threshold of that kind for that quantity (those of different
// variants then share the variable); where some cell has several, each has its own, theory_<kind>_<quantity>_<name>.
#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "results/results_parts.hpp"
#include "sweeps/thresholds.hpp"

namespace phasegrid::results {
namespace {

struct Curve {
  std::map<std::string, sweeps::Threshold> thresholds;  // by name: one of each, for its condition and reference
  std::vector<std::optional<double>> at;                // by place
};

// Axes whose keys no threshold can depend on: how a model is trained and tested, and the seed.
bool is_beside_theory(const sweeps::Schema& schema, const sweeps::Axis& axis) {
  return axis.name == "seed" || std::ranges::all_of(axis.keys, [&](const std::string& name) {
           const int key = schema.find(name);
           return key >= 0 && schema.keys[static_cast<std::size_t>(key)].section >= sweeps::Section::train;
         });
}

std::string joined(const Curve& curve, std::string sweeps::Threshold::*member) {
  if (curve.thresholds.size() == 1) return curve.thresholds.begin()->second.*member;
  std::string out;
  for (const auto& [name, threshold] : curve.thresholds)
    out += (out.empty() ? "" : "; ") + name + ": " + threshold.*member;
  return out;
}

void write_curve(NetcdfGroup& root, const Cube& cube, const std::vector<std::size_t>& dims, const std::string& name,
                 const Curve& curve) {
  const sweeps::Threshold& first = curve.thresholds.begin()->second;
  const auto reduced = cube.reduce(dims, [&](std::size_t cell) { return curve.at[cube.place_of(cell, dims)]; });
  std::vector<double> values;
  for (const auto& value : reduced.values) values.push_back(value.value_or(sweeps::kNaN));
  std::string names;
  for (const auto& [threshold, unused] : curve.thresholds) names += (names.empty() ? "" : " ") + threshold;
  root.variable(name, cube.names(reduced.dims), values,
                {{"long_name", std::string(sweeps::to_text(first.kind)) + " threshold in " + first.quantity},
                 {"kind", sweeps::to_text(first.kind)},
                 {"quantity", first.quantity},
                 {"names", names},
                 {"condition", joined(curve, &sweeps::Threshold::condition)},
                 {"references", joined(curve, &sweeps::Threshold::reference)}});
}

}  // namespace

void write_theory(NetcdfGroup& root, const Cube& cube) {
  const auto dims =
      cube.dims_without([&](const sweeps::Axis& axis) { return is_beside_theory(cube.grid().schema(), axis); });
  const std::size_t places = cube.size_of(dims);
  std::map<std::string, std::map<std::string, Curve>> families;  // "theory_exact_d" -> name -> values
  std::set<std::string> crowded;                                 // families of which one cell has two
  cube.grid().visit([&](std::uint64_t cell, const sweeps::Settings& settings, std::int64_t) {
    if (!cube.represents(cell, dims)) return;
    std::set<std::string> seen;
    for (const sweeps::Threshold& threshold : sweeps::thresholds(settings)) {
      const std::string family = std::string("theory_") + sweeps::to_text(threshold.kind) + "_" + threshold.quantity;
      if (!seen.insert(family).second) crowded.insert(family);
      Curve& curve = families[family][threshold.name];
      curve.thresholds.try_emplace(threshold.name, threshold);
      curve.at.resize(places);
      curve.at[cube.place_of(cell, dims)] = threshold.value;
    }
  });
  for (auto& [family, curves] : families) {
    if (crowded.contains(family)) {
      for (const auto& [name, curve] : curves) write_curve(root, cube, dims, family + "_" + name, curve);
      continue;
    }
    Curve merged = std::move(curves.begin()->second);
    for (auto& [name, curve] : curves) {
      merged.thresholds.insert(curve.thresholds.begin(), curve.thresholds.end());
      for (std::size_t place = 0; place < curve.at.size(); ++place)
        if (curve.at[place]) merged.at[place] = curve.at[place];
    }
    write_curve(root, cube, dims, family, merged);
  }
}

}  // namespace phasegrid::results
