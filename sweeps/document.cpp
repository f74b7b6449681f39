#include "sweeps/document.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <toml++/toml.h>

namespace phasegrid::sweeps {
namespace {

Place place_of(const toml::source_region& source) {
  return {static_cast<int>(source.begin.line), static_cast<int>(source.begin.column)};
}

Node copy(const toml::node& node, const std::string& file, const std::string& path) {
  Node result{place_of(node.source()), Value{}};
  if (const auto* table = node.as_table()) {
    Table entries;
    for (const auto& [key, value] : *table) {
      const std::string name{key.str()};
      entries.push_back({name, place_of(key.source()), copy(value, file, path.empty() ? name : path + "." + name)});
    }
    const auto before = [](const Entry& a, const Entry& b) {
      return std::pair(a.place.line, a.place.column) < std::pair(b.place.line, b.place.column);
    };
    std::stable_sort(entries.begin(), entries.end(), before);
    result.content = std::move(entries);
  } else if (const auto* array = node.as_array()) {
    List list;
    for (const auto& item : *array) list.push_back(copy(item, file, path));
    result.content = std::move(list);
  } else if (const auto* word = node.as_string()) {
    result.content = Value{word->get()};
  } else if (const auto* integer = node.as_integer()) {
    result.content = Value{integer->get()};
  } else if (const auto* real = node.as_floating_point()) {
    result.content = Value{real->get()};
  } else if (const auto* boolean = node.as_boolean()) {
    result.content = Value{boolean->get()};
  } else {
    fail(file, result.place, path, "found a date or time, expected a number, a string, a boolean or a list");
  }
  return result;
}

}  // namespace

void fail(const std::string& file, Place place, const std::string& key, const std::string& what) {
  throw SweepError(fmt::format("{}:{}:{}: {}: {}", file, place.line, place.column, key, what));
}

Table read_toml(const std::string& text, const std::string& file) try {
  Node root = copy(toml::parse(text), file, "");
  return std::get<Table>(std::move(root.content));
} catch (const toml::parse_error& error) {
  fail(file, place_of(error.source()), "TOML syntax", std::string(error.description()));
}

const Entry* find(const Table& table, std::string_view key) {
  const auto entry = std::find_if(table.begin(), table.end(), [&](const Entry& e) { return e.key == key; });
  return entry == table.end() ? nullptr : &*entry;
}

std::string describe(const Node& node) {
  if (node.table()) return "a table";
  if (const List* list = node.list()) {
    if (list->empty()) return "the empty list []";
    return fmt::format("a list of {} value{}", list->size(), list->size() == 1 ? "" : "s");
  }
  const std::string text = to_text(*node.value());
  if (std::holds_alternative<std::string>(*node.value())) return "the string " + text;
  return text;
}

}  // namespace phasegrid::sweeps
