#include "results/analysis/axis.hpp"

#include <algorithm>
#include <optional>

namespace phasegrid::results::analysis {
namespace {

std::optional<std::size_t> dim_of(const Cube& cube, const std::string& key) {
  for (std::size_t dim = 0; dim < cube.dims().size(); ++dim) {
    const sweeps::Axis& axis = *cube.dims()[dim].axis;
    if (axis.size() > 1 && !axis.reduce && std::ranges::count(axis.keys, key) > 0) return dim;
  }
  return {};
}

bool is_numeric(const sweeps::Schema& schema, const std::string& name) {
  const int place = schema.find(name);
  if (place < 0) return false;
  const sweeps::Key& key = schema.keys[static_cast<std::size_t>(place)];
  return key.section <= sweeps::Section::model && (key.kind == sweeps::Kind::integer || key.kind == sweeps::Kind::real);
}

}  // namespace

SearchedAxis choose_axis(const Cube& cube) {
  const sweeps::Grid& grid = cube.grid();
  if (const std::string& named = grid.search().axis; !named.empty())
    if (const auto dim = dim_of(cube, named)) return {named, "[search] names it", *dim};
  if (const auto dim = dim_of(cube, "d")) return {"d", "the width varies", *dim};
  if (const auto dim = dim_of(cube, "N")) return {"N", "the state size varies and the width does not", *dim};
  std::vector<SearchedAxis> numeric;
  std::string names;
  for (std::size_t dim = 0; dim < cube.dims().size(); ++dim)
    for (const std::string& key : cube.dims()[dim].axis->keys)
      if (is_numeric(grid.schema(), key) && dim_of(cube, key) == dim) {
        numeric.push_back({key, "no other numeric axis of task or model varies", dim});
        names += (names.empty() ? "" : ", ") + key;
      }
  if (numeric.size() == 1) return numeric[0];
  if (numeric.empty())
    throw RunError(grid.name() +
                   ": no axis along which a transition could be: expected d, N or another number to vary");
  throw RunError(grid.name() + ": the transition could be along any of " + names +
                 ": name one as `axis` in the sweep's [search] section");
}

}  // namespace phasegrid::results::analysis
