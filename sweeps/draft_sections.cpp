// [sweep], and T of [eval], which are no keys of the schema.
#include <fmt/format.h>

#include <set>

#include "sweeps/defaults.hpp"
#include "sweeps/draft.hpp"

namespace phasegrid::sweeps {

Key plain_key(const char* name, Kind kind, double least, double most, std::vector<std::string> words) {
  return {name, Section::search, kind, "", least, most, std::move(words), "", {}};
}

// A value that may not follow other settings.
Value read_plain(const Draft& draft, const Key& key, const std::string& path, const Node& node) {
  if (node.value())
    if (const auto value = converted(key, *node.value())) return *value;
  fail(draft.file, node.place, path, fmt::format("found {}, expected {}", describe(node), expectation(key)));
}

namespace {

constexpr double kMostSeeds = 100'000;
constexpr double kMostLength = 1'000'000;

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

}  // namespace phasegrid::sweeps
