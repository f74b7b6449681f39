// The sections that are not lists of the schema's keys: [sweep], [search], and T of [eval].
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "sweeps/defaults.hpp"
#include "sweeps/draft.hpp"

namespace phasegrid::sweeps {
namespace {

constexpr double kMostSeeds = 100'000;
constexpr double kMostLength = 1'000'000;

Key plain_key(const char* name, Kind kind, double least, double most, std::vector<std::string> words = {}) {
  return {name, Section::search, kind, "", least, most, std::move(words), "", {}};
}

// A value that may not follow other settings.
Value read_plain(const Draft& draft, const Key& key, const std::string& path, const Node& node) {
  if (node.value())
    if (const auto value = converted(key, *node.value())) return *value;
  fail(draft.file, node.place, path, fmt::format("found {}, expected {}", describe(node), expectation(key)));
}

std::vector<std::int64_t> read_integers(const Draft& draft, const Key& each, const std::string& path,
                                        const Node& node) {
  std::vector<std::int64_t> numbers;
  std::set<std::int64_t> seen;
  if (node.list()->empty()) fail(draft.file, node.place, path, "found the empty list [], expected at least one value");
  for (const Node& item : *node.list()) {
    numbers.push_back(std::get<std::int64_t>(read_plain(draft, each, path, item)));
    if (!seen.insert(numbers.back()).second)
      fail(draft.file, item.place, path, fmt::format("{} is listed twice, expected distinct values", numbers.back()));
  }
  return numbers;
}

void read_seeds(Draft& draft, const Node& node) {
  if (node.list()) {
    draft.seeds = read_integers(draft, plain_key("seeds", Kind::integer, 0, 0x1p53), "sweep.seeds", node);
    return;
  }
  const Key count = plain_key("seeds", Kind::integer, 1, kMostSeeds);
  if (!node.value() || !converted(count, *node.value()))
    fail(draft.file, node.place, "sweep.seeds",
         fmt::format("found {}, expected {} (how many) or a list of seeds", describe(node), expectation(count)));
  draft.seeds.resize(std::get<std::int64_t>(*converted(count, *node.value())));
  for (std::size_t i = 0; i < draft.seeds.size(); ++i) draft.seeds[i] = static_cast<std::int64_t>(i);
}

void check_searched_axis(const Draft& draft, const Node& node) {
  const std::string& name = draft.search.axis;
  const auto axis = std::find_if(draft.axes.begin(), draft.axes.end(), [&](const Axis& a) { return a.name == name; });
  if (axis == draft.axes.end()) {
    std::vector<std::string> names;
    for (const Axis& a : draft.axes) names.push_back(a.name);
    fail(draft.file, node.place, "search.axis",
         fmt::format("\"{}\" is no axis of this sweep{}", name, suggestion(name, names)));
  }
  const bool plain =
      axis->keys.size() == 1 && !axis->expressions && !axis->reduce && numeric(axis->values.front().front());
  if (!plain)
    fail(draft.file, node.place, "search.axis",
         fmt::format("\"{}\" cannot be searched, expected an axis of plain numbers without reduce", name));
}

}  // namespace

void read_sweep(Draft& draft, const Table& section, Place place) {
  draft.seeds = {0};
  for (const Entry& entry : section) {
    if (entry.key == "name") {
      const auto* name = entry.node.value() ? std::get_if<std::string>(entry.node.value()) : nullptr;
      if (!name || name->empty())
        fail(draft.file, entry.node.place, "sweep.name",
             fmt::format("found {}, expected a name as a string", describe(entry.node)));
      draft.name = *name;
    } else if (entry.key == "seeds") {
      read_seeds(draft, entry.node);
    } else {
      unknown_key(draft, entry, "sweep." + entry.key, {"name", "seeds"});
    }
  }
  if (draft.name.empty()) fail(draft.file, place, "sweep.name", "is missing, expected a name as a string");
}

void read_eval_T(Draft& draft, const Node& node) {
  if (!node.list())
    fail(draft.file, node.place, "eval.T", fmt::format("found {}, expected a list of lengths", describe(node)));
  for (const auto T : read_integers(draft, plain_key("T", Kind::integer, 1, kMostLength), "eval.T", node))
    draft.eval_T.push_back(static_cast<int>(T));
  for (const Node& item : *node.list()) draft.eval_T_places.push_back(item.place);
}

void read_search(Draft& draft, const Table& section, Place place) {
  Search& search = draft.search;
  const Node* axis = nullptr;
  for (const Entry& entry : section) {
    const std::string path = "search." + entry.key;
    const auto integer = [&](double least) {
      return std::get<std::int64_t>(read_plain(draft, plain_key("", Kind::integer, least, 1e15), path, entry.node));
    };
    const auto real = [&](double least, double most) {
      return std::get<double>(read_plain(draft, plain_key("", Kind::real, least, most), path, entry.node));
    };
    if (entry.key == "mode")
      search.mode = std::get<std::string>(
          read_plain(draft, plain_key("", Kind::word, 0, 0, {"grid", "boundary", "random"}), path, entry.node));
    else if (entry.key == "axis")
      search.axis = std::get<std::string>(read_plain(draft, plain_key("", Kind::word, 0, 0), path, entry.node)),
      axis = &entry.node;
    else if (entry.key == "level") search.level = real(0.001, 0.999);
    else if (entry.key == "tolerance") search.tolerance = real(0.001, 8);
    else if (entry.key == "probes_per_round") search.probes_per_round = integer(1);
    else if (entry.key == "budget") search.budget = integer(0);
    else if (entry.key == "n") search.n = integer(1);
    else unknown_key(draft, entry, path, {"mode", "axis", "level", "tolerance", "probes_per_round", "budget", "n"});
  }
  if (axis && search.mode != "boundary")
    fail(draft.file, axis->place, "search.axis", "is read by mode = \"boundary\" only, expected that mode");
  if (axis) check_searched_axis(draft, *axis);
  if (search.mode == "boundary" && !axis)
    fail(draft.file, place, "search.axis", "is missing, expected the axis on which to search the boundary");
  if (search.mode == "random" && search.n == 0)
    fail(draft.file, place, "search.n", "is missing, expected the number of cells to draw");
}

}  // namespace phasegrid::sweeps
