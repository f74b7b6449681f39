// A TOML text as a plain tree that remembers where everything stood, in the order of the file.
#pragma once
#include <string>
#include <variant>
#include <vector>

#include "sweeps/error.hpp"
#include "sweeps/settings.hpp"

namespace phasegrid::sweeps {

struct Place {
  int line = 1, column = 1;
};

struct Node;
struct Entry;
using List = std::vector<Node>;
using Table = std::vector<Entry>;

struct Node {
  Place place;
  std::variant<Value, List, Table> content;
  const Value* value() const { return std::get_if<Value>(&content); }
  const List* list() const { return std::get_if<List>(&content); }
  const Table* table() const { return std::get_if<Table>(&content); }
};

struct Entry {
  std::string key;
  Place place;      // of the key
  Node node;
};

// Throws `file:line:column: key: what`.
[[noreturn]] void fail(const std::string& file, Place place, const std::string& key, const std::string& what);

// Throws SweepError where the text is no TOML, or has dates, which no setting is.
Table read_toml(const std::string& text, const std::string& file);

const Entry* find(const Table& table, std::string_view key);

// What stands there, for messages: `the list [4, 8]`, `the string "rms"`, `4.5`.
std::string describe(const Node& node);

}  // namespace phasegrid::sweeps
