#include "sweeps/settings.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <cmath>

#include "sweeps/defaults.hpp"

namespace phasegrid::sweeps {
namespace {

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    constexpr const char* hex = "0123456789abcdef";
    if (c == '"' || c == '\\') result += '\\', result += c;
    else if (c == '\n') result += "\\n";
    else if (c == '\t') result += "\\t";
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      result += "\\u00", result += hex[c >> 4], result += hex[c & 15];
    else result += c;
  }
  return result + '"';
}

const Choice* line_of(const std::vector<Choice>& choices, std::string_view name) {
  const auto found =
      std::find_if(choices.begin(), choices.end(), [&](const Choice& choice) { return choice.name == name; });
  return found == choices.end() ? nullptr : &*found;
}

}  // namespace

std::string to_text(const Value& value) {
  if (const auto* boolean = std::get_if<bool>(&value)) return *boolean ? "true" : "false";
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return std::to_string(*integer);
  if (const auto* text = std::get_if<std::string>(&value)) return quoted(*text);
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), std::get<double>(value)).ptr;
  return {digits.data(), end};
}

void Schema::index() {
  places_.clear();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    [[maybe_unused]] const bool fresh = places_.emplace(keys[i].name, static_cast<int>(i)).second;
    assert(fresh && "key names are unique over all tables");
  }
}

int Schema::find(std::string_view name) const {
  if (places_.size() == keys.size()) {
    const auto place = places_.find(name);
    return place == places_.end() ? -1 : place->second;
  }
  const auto key = std::find_if(keys.begin(), keys.end(), [&](const Key& k) { return k.name == name; });
  return key == keys.end() ? -1 : static_cast<int>(key - keys.begin());
}

const Choice* Schema::task(std::string_view name) const { return line_of(tasks, name); }
const Choice* Schema::variant(std::string_view name) const { return line_of(variants, name); }

// Keys start with their plain defaults; what follows from other keys is filled by whoever completes the cell (Grid).
Settings::Settings(const Schema& schema) : schema_(&schema), given_(schema.keys.size(), false) {
  for (const Key& key : schema.keys) values_.push_back(literal(key, key.fallback).value_or(Value{std::int64_t{0}}));
  for (std::size_t i = 0; i < values_.size(); ++i)
    if ((schema.keys[i].kind == Kind::word || schema.keys[i].kind == Kind::file) && numeric(values_[i])) values_[i] = std::string();
}

const Value& Settings::value(std::string_view name) const {
  const int key = schema_->find(name);
  assert(key >= 0 && "a key of the schema");
  return values_[key];
}

bool Settings::boolean(std::string_view name) const { return std::get<bool>(value(name)); }
std::int64_t Settings::integer(std::string_view name) const { return std::get<std::int64_t>(value(name)); }
double Settings::real(std::string_view name) const { return number(value(name)); }
bool Settings::is_word(std::string_view name) const { return std::holds_alternative<std::string>(value(name)); }

const std::string& Settings::word(std::string_view name) const {
  static const std::string none;
  const auto* text = std::get_if<std::string>(&value(name));
  return text ? *text : none;
}

bool Settings::given(std::string_view name) const {
  const int key = schema_->find(name);
  assert(key >= 0 && "a key of the schema");
  return given_[key];
}

void Settings::set(std::string_view name, Value value, bool given) {
  const int key = schema_->find(name);
  assert(key >= 0 && "a key of the schema");
  put(key, std::move(value), given);
}

void Settings::put(int key, Value value, bool given) {
  values_[key] = std::move(value);
  given_[key] = given;
}

bool Settings::read(const Key& key) const {
  if (key.only.empty()) return true;
  for (const char* line : {"task", "variant"})
    if (schema_->find(line) >= 0 && std::find(key.only.begin(), key.only.end(), word(line)) != key.only.end())
      return true;
  return false;
}

const DataFile* Settings::data(std::string_view key) const {
  if (!data_) return nullptr;
  const auto found = data_->find(word(key));
  return found == data_->end() ? nullptr : &found->second;
}

std::string Settings::canonical(Section section) const {
  std::map<std::string_view, std::string> lines;  // by name, so that the order of the tables does not matter
  for (std::size_t i = 0; i < values_.size(); ++i) {
    const Key& key = schema_->keys[i];
    if (key.section != section || !read(key) || values_[i] == default_value(key, *this)) continue;
    const DataFile* file = key.kind == Kind::file ? data(key.name) : nullptr;
    lines[key.name] = file ? "content " + file->content : to_text(values_[i]);
  }
  std::string text;
  for (const auto& [name, value] : lines) text.append(name).append(" = ").append(value).append("\n");
  return text;
}

}  // namespace phasegrid::sweeps
