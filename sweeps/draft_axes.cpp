// [axes]: lists of values, expressions, zipped lists, and { values = [...], reduce = "max" }.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "sweeps/defaults.hpp"
#include "sweeps/draft.hpp"

namespace phasegrid::sweeps {
namespace {

constexpr std::size_t kMostAxes = 31;   // HDF5 arrays have at most 32 dimensions; one is for lengths or steps

// One list of [axes].
struct Listed {
  const Entry* entry;
  int key;
  std::vector<Value> values;
  std::vector<Place> places;
  bool expressions = false, reduce = false;
  int zip = -1;              // which group of zip ties it
};

std::string without_spaces(std::string text) {
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  return text;
}

const Node& list_of_values(const Draft& draft, Listed& listed, const std::string& path) {
  const Node& node = listed.entry->node;
  const Key& key = draft.schema->keys[listed.key];
  if (node.list()) return node;
  if (!node.table())
    fail(draft.file, node.place, path, fmt::format("found {}, expected a list of values (one value for all cells belongs into its section)", describe(node)));
  for (const Entry& entry : *node.table())
    if (entry.key != "values" && entry.key != "reduce") unknown_key(draft, entry, path + "." + entry.key, {"values", "reduce"});
  if (const Entry* reduce = find(*node.table(), "reduce")) {
    const auto* word = reduce->node.value() ? std::get_if<std::string>(reduce->node.value()) : nullptr;
    if (!word || *word != "max") fail(draft.file, reduce->node.place, path + ".reduce", fmt::format("found {}, expected \"max\"", describe(reduce->node)));
    listed.reduce = true;
  }
  const Entry* values = find(*node.table(), "values");
  if (!values) fail(draft.file, node.place, path + ".values", fmt::format("is missing, expected a list, each {}", expectation(key)));
  if (!values->node.list()) fail(draft.file, values->node.place, path + ".values", fmt::format("found {}, expected a list of values", describe(values->node)));
  return values->node;
}

Listed read_list(const Draft& draft, const Entry& entry) {
  const std::string path = "axes." + entry.key;
  if (entry.key == "seed" || entry.key == "seeds") fail(draft.file, entry.place, path, "seeds are no axis here, expected `seeds = 5` or a list in [sweep]");
  Listed listed{&entry, draft.schema->find(entry.key), {}, {}};
  const bool section = listed.key >= 0 && (draft.schema->keys[listed.key].section == Section::task || draft.schema->keys[listed.key].section == Section::model ||
                                           draft.schema->keys[listed.key].section == Section::train);
  if (!section) {
    std::vector<std::string> known{"zip"};
    for (const Key& key : draft.schema->keys)
      if (key.section == Section::task || key.section == Section::model || key.section == Section::train) known.push_back(key.name);
    unknown_key(draft, entry, path, known);
  }
  const Key& key = draft.schema->keys[listed.key];
  const Node& list = list_of_values(draft, listed, path);
  if (list.list()->empty()) fail(draft.file, list.place, path, fmt::format("found the empty list [], expected at least one value, each {}", expectation(key)));
  for (const Node& item : *list.list()) {
    const Given given = read_value(draft, key, path, item);
    listed.expressions |= given.expression;
    listed.values.push_back(given.expression ? Value{without_spaces(std::get<std::string>(given.value))} : given.value);
    listed.places.push_back(item.place);
  }
  if (listed.expressions)     // numbers between expressions become expressions too: the dimension is one of texts
    for (Value& value : listed.values)
      if (numeric(value)) value = to_text(value);
  return listed;
}

void check_distinct(const Draft& draft, const Listed& listed) {
  std::set<Value> seen;
  for (std::size_t i = 0; i < listed.values.size(); ++i)
    if (!seen.insert(listed.values[i]).second)
      fail(draft.file, listed.places[i], "axes." + listed.entry->key, fmt::format("{} is listed twice, expected distinct values", to_text(listed.values[i])));
}

void read_zip(const Draft& draft, const Node& node, std::vector<Listed>& lists) {
  const std::string expected = "expected lists of keys to tie together, as in zip = [[\"d\", \"N\"]]";
  if (!node.list() || node.list()->empty()) fail(draft.file, node.place, "axes.zip", fmt::format("found {}, {}", describe(node), expected));
  for (std::size_t group = 0; group < node.list()->size(); ++group) {
    const Node& names = (*node.list())[group];
    if (!names.list() || names.list()->size() < 2) fail(draft.file, names.place, "axes.zip", fmt::format("found {}, {}", describe(names), expected));
    const Listed* first = nullptr;
    for (const Node& item : *names.list()) {
      const auto* name = item.value() ? std::get_if<std::string>(item.value()) : nullptr;
      if (!name) fail(draft.file, item.place, "axes.zip", fmt::format("found {}, {}", describe(item), expected));
      const auto list = std::find_if(lists.begin(), lists.end(), [&](const Listed& l) { return l.entry->key == *name; });
      if (list == lists.end()) fail(draft.file, item.place, "axes.zip", fmt::format("\"{}\" has no list in [axes], expected a key that has one", *name));
      if (list->zip >= 0) fail(draft.file, item.place, "axes.zip", fmt::format("\"{}\" is tied twice, expected each key once", *name));
      if (list->reduce) fail(draft.file, item.place, "axes.zip", fmt::format("\"{}\" has reduce, expected plain lists", *name));
      if (first && list->values.size() != first->values.size())
        fail(draft.file, item.place, "axes.zip",
             fmt::format("\"{}\" has {} values and \"{}\" has {}, expected lists of equal length", *name, list->values.size(), first->entry->key, first->values.size()));
      list->zip = static_cast<int>(group);
      if (!first) first = &*list;
    }
  }
}

void check_distinct_points(const Draft& draft, const Axis& axis, const std::vector<Place>& places) {
  std::set<std::vector<Value>> seen;
  for (std::size_t i = 0; i < axis.size(); ++i)
    if (!seen.insert(axis.values[i]).second)
      fail(draft.file, places[i], "axes." + axis.keys.front(), fmt::format("point {} of {} is listed twice, expected distinct points", i + 1, axis.name));
}

void add_axis(Draft& draft, const std::vector<const Listed*>& members) {
  Axis axis;
  const Listed& first = *members.front();
  axis.values.resize(first.values.size());
  for (const Listed* member : members) {
    const Key& key = draft.schema->keys[member->key];
    axis.name += (axis.name.empty() ? "" : "_") + key.name;
    axis.keys.push_back(key.name);
    axis.expressions |= member->expressions;
    axis.reduce |= member->reduce;
    for (std::size_t i = 0; i < axis.size(); ++i) axis.values[i].push_back(member->values[i]);
    Source& source = draft.sources[member->key];
    source = {};
    source.origin = Origin::axis, source.axis = static_cast<int>(draft.axes.size()), source.member = static_cast<int>(axis.keys.size()) - 1;
    source.place = member->entry->node.place, source.in_axes = true;
  }
  if (members.size() > 1) check_distinct_points(draft, axis, first.places);
  else check_distinct(draft, first);
  draft.axes.push_back(std::move(axis));
  draft.places.push_back(first.places);
}

// The place of a key among the dimensions: [model], [task], [train], each in the order of the schema, so that the order of
// lines in the file does not number the cells anew.
std::pair<int, int> rank(const Draft& draft, const Listed& listed) {
  constexpr int order[] = {1, 0, 2, 3, 4, 5};      // of Section: task after model
  return {order[static_cast<int>(draft.schema->keys[listed.key].section)], listed.key};
}

}  // namespace

void read_axes(Draft& draft, const Table& section) {
  std::vector<Listed> lists;
  const Node* zip = nullptr;
  for (const Entry& entry : section) {
    if (entry.key == "zip") zip = &entry.node;
    else lists.push_back(read_list(draft, entry));
  }
  if (zip) read_zip(draft, *zip, lists);
  std::sort(lists.begin(), lists.end(), [&](const Listed& a, const Listed& b) { return rank(draft, a) < rank(draft, b); });
  for (const Listed& list : lists) {
    std::vector<const Listed*> members;
    for (const Listed& other : lists)
      if (&other == &list || (list.zip >= 0 && other.zip == list.zip)) members.push_back(&other);
    if (members.front() != &list) continue;        // already there, by the first of its tied keys
    if (list.expressions && list.values.size() == 1 && members.size() == 1) {    // one expression is no dimension
      Source& source = draft.sources[list.key];
      source.origin = Origin::expression, source.expression = std::get<std::string>(list.values[0]);
      source.place = list.places[0], source.in_axes = true;
      continue;
    }
    add_axis(draft, members);
  }
  if (draft.axes.size() >= kMostAxes) fail(draft.file, draft.axes_place, "axes", fmt::format("found {} axes, expected at most {}", draft.axes.size(), kMostAxes - 1));
}

}  // namespace phasegrid::sweeps
