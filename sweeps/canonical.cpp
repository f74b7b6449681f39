// What a sweep means, as one text: the same for files that differ in comments, layout and the order of lines. Settings
// of [model], [train] and [eval] that repeat a default are left out. The order of an axis's values counts.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "sweeps/defaults.hpp"
#include "sweeps/grid_data.hpp"

namespace phasegrid::sweeps {
namespace {

// The default is this plain value whatever task and variant a cell has.
bool repeats_default(const Draft& draft, const Key& key, const Value& value) {
  for (const auto& task : draft.tasks)
    for (const auto& variant : draft.variants)
      if (literal(key, fallback_text(key, draft.schema->task(task), draft.schema->variant(variant))) !=
          std::optional(value))
        return false;
  return true;
}

// Of a file, what it holds counts, not where it lies.
std::string value_text(const Draft& draft, const Key& key, const Value& value) {
  if (key.kind == Kind::file && draft.data) {
    const auto file = draft.data->find(std::get<std::string>(value));
    if (file != draft.data->end()) return "content " + file->second.content;
  }
  return to_text(value);
}

std::string axis_text(const Draft& draft, const Axis& axis) {
  std::string text = "axis " + axis.name + " =";
  for (const auto& point : axis.values)
    for (std::size_t k = 0; k < point.size(); ++k)
      text.append(" ").append(value_text(draft, draft.schema->keys[draft.schema->find(axis.keys[k])], point[k]));
  return text + (axis.reduce ? " reduce max\n" : "\n");
}

std::string search_text(const Search& search) {
  if (search.mode == "grid") return "";
  if (search.mode == "random") return fmt::format("search random n = {} seed = {}\n", search.n, search.seed);
  return fmt::format(
      "search {} axis = {} level = {} tolerance = {} probes_per_round = {} budget = {} budget_cost = {} between = {}\n",
      search.mode, search.axis, to_text(search.level), to_text(search.tolerance), search.probes_per_round,
      search.budget, to_text(search.budget_cost), search.between);
}

}  // namespace

std::string canonical_text(const Draft& draft) {
  std::string text;
  for (const Axis& axis : draft.axes) text += axis_text(draft, axis);
  text += "seeds =";
  for (const auto seed : draft.seeds) text += fmt::format(" {}", seed);
  text += "\n";
  std::map<std::string, std::string> lines;
  for (std::size_t i = 0; i < draft.sources.size(); ++i) {
    const Key& key = draft.schema->keys[i];
    const Source& source = draft.sources[i];
    if (source.origin == Origin::expression) {
      std::string squeezed = source.expression;
      squeezed.erase(std::remove(squeezed.begin(), squeezed.end(), ' '), squeezed.end());
      lines[key.name] = squeezed;
    } else if (source.origin == Origin::literal &&
               (key.section == Section::task || !repeats_default(draft, key, source.value))) {
      lines[key.name] = value_text(draft, key, source.value);
    }
  }
  for (const auto& [name, value] : lines) text += fmt::format("{} = {}\n", name, value);
  if (!draft.eval_T.empty()) {
    text += "eval T =";
    for (const int T : draft.eval_T) text += fmt::format(" {}", T);
    text += "\n";
  }
  return text + search_text(draft.search);
}

}  // namespace phasegrid::sweeps
