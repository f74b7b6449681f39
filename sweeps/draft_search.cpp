// [search]: which cells of the grid are trained, and the integers that a boundary search may probe between listed values.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "sweeps/defaults.hpp"
#include "sweeps/draft.hpp"

namespace phasegrid::sweeps {
namespace {

constexpr double kPerOctave = 16;  // integers of a searched axis that may be probed, at most

// The modes that read a key; the others refuse it. `axis` tells `analyze` where to look in any mode.
const std::map<std::string, std::vector<std::string>> kKeys = {
    {"grid", {"mode", "axis"}},
    {"boundary",
     {"mode", "axis", "level", "tolerance", "probes_per_round", "budget", "budget_cost", "between"}},
    {"random", {"mode", "axis", "n", "seed"}}};

std::vector<std::string> all_keys() {
  std::vector<std::string> all;
  for (const auto& [mode, keys] : kKeys)
    for (const auto& key : keys)
      if (std::ranges::count(all, key) == 0) all.push_back(key);
  return all;
}

const Axis& searched_axis(const Draft& draft, const Node& node) {
  const std::string& name = draft.search.axis;
  const auto axis = std::ranges::find(draft.axes, name, &Axis::name);
  if (axis == draft.axes.end()) {
    std::vector<std::string> names;
    for (const Axis& a : draft.axes) names.push_back(a.name);
    fail(draft.file, node.place, "search.axis",
         fmt::format("\"{}\" is no axis of this sweep{}", name, suggestion(name, names)));
  }
  return *axis;
}

void check_searched(const Draft& draft, const Node& node) {
  const Axis& axis = searched_axis(draft, node);
  if (axis.keys.size() != 1 || axis.expressions || axis.reduce || !numeric(axis.values.front().front()))
    fail(draft.file, node.place, "search.axis",
         fmt::format("\"{}\" cannot be searched, expected an axis of plain numbers without reduce", axis.name));
  if (!draft.search.boundary()) return;
  const auto& places = draft.places[static_cast<std::size_t>(&axis - draft.axes.data())];
  for (std::size_t i = 0; i < axis.size(); ++i)
    if (const Value& value = axis.values[i][0]; !(number(value) > 0))
      fail(draft.file, places[i], "axes." + axis.name,
           fmt::format("found {}, expected numbers above 0: the boundary is searched on a logarithmic axis",
                       to_text(value)));
  if (axis.size() < 2)
    fail(draft.file, places[0], "axes." + axis.name, "found one value, expected several to search among");
}

void read_key(Draft& draft, const Entry& entry) {
  Search& search = draft.search;
  const std::string path = "search." + entry.key;
  const auto plain = [&](const Key& key) { return read_plain(draft, key, path, entry.node); };
  const auto integer = [&](double least) {
    return std::get<std::int64_t>(plain(plain_key("", Kind::integer, least, 1e15)));
  };
  const auto real = [&](double least, double most) {
    return std::get<double>(plain(plain_key("", Kind::real, least, most)));
  };
  if (entry.key == "axis") search.axis = std::get<std::string>(plain(plain_key("", Kind::word, 0, 0)));
  else if (entry.key == "level") search.level = real(0.001, 0.999);
  else if (entry.key == "tolerance") search.tolerance = real(0.001, 8);
  else if (entry.key == "probes_per_round") search.probes_per_round = integer(1);
  else if (entry.key == "budget") search.budget = integer(0);
  else if (entry.key == "budget_cost") search.budget_cost = real(0, 1e300);
  else if (entry.key == "between") search.between = std::get<bool>(plain(plain_key("", Kind::boolean, 0, 0)));
  else if (entry.key == "n") search.n = integer(1);
  else if (entry.key == "seed") search.seed = integer(0);
}

}  // namespace

void read_search(Draft& draft, const Table& section, Place place) {
  Search& search = draft.search;
  if (const Entry* mode = find(section, "mode"))
    search.mode = std::get<std::string>(
        read_plain(draft, plain_key("", Kind::word, 0, 0, {"grid", "boundary", "random"}), "search.mode", mode->node));
  for (const Entry& entry : section) {
    const auto known = all_keys();
    if (std::ranges::count(known, entry.key) == 0) unknown_key(draft, entry, "search." + entry.key, known);
    if (std::ranges::count(kKeys.at(search.mode), entry.key) == 0)
      fail(draft.file, entry.place, "search." + entry.key,
           fmt::format("is not read by mode = \"{}\", expected a key that is: {}", search.mode,
                       fmt::join(kKeys.at(search.mode), ", ")));
    read_key(draft, entry);
  }
  if (const Entry* axis = find(section, "axis")) check_searched(draft, axis->node);
  else if (search.boundary())
    fail(draft.file, place, "search.axis", "is missing, expected the axis on which to search the boundary");
  if (search.mode == "random" && search.n == 0)
    fail(draft.file, place, "search.n", "is missing, expected the number of cells to draw");
}

// round(2^(i/16)) for whole i: all integers up to 23, then 16 to the octave. The same whatever else is listed, so that a
// sweep can be extended by new values. They stand behind the listed points.
void add_between(Draft& draft) {
  if (!draft.search.boundary() || !draft.search.between) return;
  const auto found = std::ranges::find(draft.axes, draft.search.axis, &Axis::name);
  Axis& axis = *found;
  if (draft.schema->keys[static_cast<std::size_t>(draft.schema->find(axis.name))].kind != Kind::integer) return;
  std::set<std::int64_t> known;
  for (const auto& point : axis.values) known.insert(std::get<std::int64_t>(point[0]));
  const double least = static_cast<double>(*known.begin()), most = static_cast<double>(*known.rbegin());
  for (double i = std::floor(kPerOctave * std::log2(least)); std::exp2(i / kPerOctave) < most; ++i) {
    const std::int64_t value = std::llround(std::exp2(i / kPerOctave));
    if (static_cast<double>(value) <= least || static_cast<double>(value) >= most || !known.insert(value).second)
      continue;
    axis.values.push_back({value});
    ++axis.between;
  }
}

}  // namespace phasegrid::sweeps
