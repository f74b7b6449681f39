// Settings as coordinates: a scalar where the whole sweep has one value, else an auxiliary coordinate over the
// dimensions on which the setting depends, such as N(kappa) for N = ["kappa"] and d(d_N) for zipped lists.
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
  bool read = false;  // by some task or variant of this sweep

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
    if (key.section <= sweeps::Section::eval && !variable_name(key, cube).empty())
      tracks.push_back({&key, {}, {}, {}, false});

  cube.grid().visit_groups([&](std::uint64_t cell, const sweeps::Settings& settings, const std::string&) {
    if (!cube.represents(cell, dims)) return;
    for (Track& track : tracks) {
      track.add(settings.value(track.key->name));
      track.read |= settings.read(*track.key);
    }
  });

  std::string names;
  for (const Track& track : tracks) {
    if (!track.read) continue;
    const std::string name = variable_name(*track.key, cube);
    const auto reduced = cube.reduce(track.distinct.size() > 1 ? dims : std::vector<std::size_t>{},
                                     [&](std::size_t cell) { return track.at[cube.place_of(cell, dims)]; });
    std::vector<sweeps::Value> values;
    for (const std::uint32_t which : reduced.values) values.push_back(track.distinct[which]);
    const Column typed = column(values);
    Attributes attributes = {{"long_name", track.key->help}};
    if (const std::string text = cube.grid().expression(track.key->name); !text.empty())
      attributes.push_back({"expression", text});
    if (typed.boolean) attributes.push_back({"dtype", "bool"});
    root.variable(name, cube.names(reduced.dims), typed.values, attributes);
    names += (names.empty() ? "" : " ") + name;
  }
  root.attributes({{"coordinates", names}});  // xarray makes these variables coordinates
}

}  // namespace phasegrid::results
