// Theory beside the data: the thresholds of each cell, over the axes on which they depend.
//
// theory_<kind>_<quantity> holds each cell's main threshold, the first that is listed for it (those of different
// variants share the variable). A threshold that anywhere stands behind another of its kind and quantity has a variable
// of its own, theory_<kind>_<quantity>_<name>.
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
  std::set<std::string> behind;                                  // names, each with its family
  cube.grid().visit_groups([&](std::uint64_t cell, const sweeps::Settings& settings, const std::string&) {
    if (!cube.represents(cell, dims)) return;
    std::set<std::string> seen;
    for (const sweeps::Threshold& threshold : sweeps::thresholds(settings)) {
      const std::string family = std::string("theory_") + sweeps::to_text(threshold.kind) + "_" + threshold.quantity;
      if (!seen.insert(family).second) behind.insert(threshold.name + family);
      Curve& curve = families[family][threshold.name];
      curve.thresholds.try_emplace(threshold.name, threshold);
      curve.at.resize(places);
      curve.at[cube.place_of(cell, dims)] = threshold.value;
    }
  });
  for (const auto& [family, curves] : families) {
    Curve main;
    main.at.resize(places);
    for (const auto& [name, curve] : curves) {
      if (behind.contains(name + family)) continue;
      main.thresholds.insert(curve.thresholds.begin(), curve.thresholds.end());
      for (std::size_t place = 0; place < places; ++place)
        if (curve.at[place]) main.at[place] = curve.at[place];
    }
    if (!main.thresholds.empty()) write_curve(root, cube, dims, family, main);
    for (const auto& [name, curve] : curves)
      if (behind.contains(name + family)) write_curve(root, cube, dims, family + "_" + name, curve);
  }
}

}  // namespace phasegrid::results
