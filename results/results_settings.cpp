// Settings as coordinates: a scalar where the whole sweep has one value, else an auxiliary coordinate over the
// dimensions on which the setting depends, such as N(kappa) for N = ["kappa"] and d(d_N) for zipped lists.
#include <algorithm>
#include <set>
#include <unordered_map>

#include "results/results_parts.hpp"

namespace phasegrid::results {
namespace {

// One key's values over the cells that differ in settings, as indices into its distinct values.
struct Track {
  const sweeps::Key* key;
  std::vector<sweeps::Value> distinct;
  std::unordered_map<sweeps::Value, std::uint32_t> index_of;
  std::vector<std::uint32_t> at;

  void add(const sweeps::Value& value) {
    if (at.empty() || !(distinct[at.back()] == value)) {
      const auto [known, is_new] = index_of.try_emplace(value, distinct.size());
      if (is_new) distinct.push_back(value);
      at.push_back(known->second);
    } else {
      at.push_back(at.back());
    }
  }
};

bool is_seed(const sweeps::Axis& axis) { return axis.name == "seed"; }

// Whether any task or variant of this sweep reads the key.
bool is_read(const sweeps::Key& key, const std::set<std::string>& choices) {
  return key.only.empty() ||
         std::ranges::any_of(key.only, [&](const std::string& name) { return choices.contains(name); });
}

// The name under which a key's values are a coordinate; "" when its axis is that coordinate already.
std::string variable_name(const sweeps::Key& key, const Cube& cube) {
  for (const Cube::Dim& dim : cube.dims())
    if (dim.axis->name == key.name) return dim.axis->expressions ? dim.name + "_value" : "";
  return coordinate_name(cube.grid().schema(), key.name);
}

}  // namespace

void write_settings(NetcdfGroup& root, const Cube& cube) {
  const std::vector<std::size_t> dims = cube.dims_without(is_seed);
  std::vector<Track> tracks;
  for (const sweeps::Key& key : cube.grid().schema().keys)
    if (key.section <= sweeps::Section::eval && !variable_name(key, cube).empty()) tracks.push_back({&key, {}, {}, {}});

  std::set<std::string> choices;
  cube.grid().visit([&](std::uint64_t cell, const sweeps::Settings& settings, std::int64_t) {
    if (!cube.represents(cell, dims)) return;
    for (Track& track : tracks) track.add(settings.value(track.key->name));
    for (const char* chooser : {"task", "variant"})
      if (settings.schema().find(chooser) >= 0) choices.insert(settings.word(chooser));
  });

  std::string names;
  for (const Track& track : tracks) {
    if (!is_read(*track.key, choices)) continue;
    const std::string name = variable_name(*track.key, cube);
    const auto reduced = cube.reduce(track.distinct.size() > 1 ? dims : std::vector<std::size_t>{},
                                     [&](std::size_t cell) { return track.at[cube.place_of(cell, dims)]; });
    std::vector<sweeps::Value> values;
    for (const std::uint32_t which : reduced.values) values.push_back(track.distinct[which]);
    const Column typed = column(values);
    Attributes attributes = {{"long_name", track.key->help}};
    if (typed.boolean) attributes.push_back({"dtype", "bool"});
    root.variable(name, cube.names(reduced.dims), typed.values, attributes);
    names += (names.empty() ? "" : " ") + name;
  }
  root.attributes({{"coordinates", names}});  // xarray makes these variables coordinates
}

}  // namespace phasegrid::results
