#include "sweeps/defaults.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "sweeps/expression.hpp"

namespace phasegrid::sweeps {
namespace {

bool is_word(const Key& key, const std::string& text) {
  return std::find(key.words.begin(), key.words.end(), text) != key.words.end();
}

bool in_range(const Key& key, double x) { return std::isfinite(x) && x >= key.least && x <= key.most; }

template <class Number>
std::optional<Number> parsed(const std::string& text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return number;
}

std::string limit(const Key& key, double x) {
  return key.kind != Kind::real && std::fabs(x) < 0x1p63 ? std::to_string(static_cast<std::int64_t>(x)) : to_text(x);
}

std::string number_range(const Key& key) {
  const bool below = std::isfinite(key.least), above = std::isfinite(key.most);
  if (below && above) return fmt::format(" from {} to {}", limit(key, key.least), limit(key, key.most));
  if (below) return fmt::format(" of at least {}", limit(key, key.least));
  if (above) return fmt::format(" of at most {}", limit(key, key.most));
  return "";
}

std::string word_list(const Key& key) {
  std::string list;
  for (const auto& word : key.words) list += fmt::format("{}\"{}\"", list.empty() ? "" : ", ", word);
  return fmt::format("{}{}", key.words.size() > 1 ? "one of " : "", list);
}

}  // namespace

const std::string& fallback_text(const Key& key, const Choice* task, const Choice* variant) {
  for (const Choice* choice : {variant, task})
    if (choice)
      if (const auto own = choice->fallbacks.find(key.name); own != choice->fallbacks.end()) return own->second;
  return key.fallback;
}

std::optional<Value> literal(const Key& key, const std::string& text) {
  if (key.kind == Kind::boolean) {
    if (text == "true" || text == "false") return Value{text == "true"};
    return {};
  }
  if (is_word(key, text) || (key.kind == Kind::file && !text.empty())) return Value{text};
  if (key.kind == Kind::word || key.kind == Kind::file) return {};
  if (key.kind == Kind::real) {
    if (const auto real = parsed<double>(text)) return Value{*real};
    return {};
  }
  if (const auto integer = parsed<std::int64_t>(text)) return Value{*integer};
  return {};
}

std::optional<Value> converted(const Key& key, const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    if (key.kind == Kind::file && !text->empty()) return value;
    if ((key.kind == Kind::word || key.kind == Kind::integer_or_word) && (key.words.empty() || is_word(key, *text)))
      return value;
    return {};
  }
  if (std::holds_alternative<bool>(value)) return key.kind == Kind::boolean ? std::optional(value) : std::nullopt;
  if (key.kind == Kind::boolean || key.kind == Kind::word || key.kind == Kind::file || !in_range(key, number(value))) return {};
  if (key.kind == Kind::real) return Value{number(value)};
  if (std::holds_alternative<std::int64_t>(value)) return value;
  const double real = std::get<double>(value);
  if (real != std::floor(real) || std::fabs(real) > 0x1p53) return {};
  return Value{static_cast<std::int64_t>(real)};
}

std::string expectation(const Key& key) {
  switch (key.kind) {
    case Kind::boolean:
      return "true or false";
    case Kind::integer:
      return "an integer" + number_range(key);
    case Kind::real:
      return "a number" + number_range(key);
    case Kind::word:
      return word_list(key);
    case Kind::file:
      return "the path of a file";
    case Kind::integer_or_word:
      return fmt::format("an integer{} or {}", number_range(key), word_list(key));
  }
  return "";
}

bool numeric(const Value& value) {
  return std::holds_alternative<std::int64_t>(value) || std::holds_alternative<double>(value);
}

std::optional<double> counted(const Key& key, const Value& value) {
  if (numeric(value)) return number(value);
  const auto* text = std::get_if<std::string>(&value);
  if (!text || key.kind != Kind::word) return {};
  const auto place = std::find(key.words.begin(), key.words.end(), *text);
  if (place == key.words.end()) return {};
  return static_cast<double>(place - key.words.begin());
}

double number(const Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return static_cast<double>(*integer);
  if (const auto* boolean = std::get_if<bool>(&value)) return *boolean;
  return std::get<double>(value);
}

std::optional<Value> from_number(const Key& key, double x, std::string& problem) {
  const bool whole = key.kind != Kind::real;
  const double nearest = std::round(x);
  if (whole && std::isfinite(x)) {
    if (std::fabs(x - nearest) > 1e-9 * std::max(1.0, std::fabs(x))) {
      problem = fmt::format("{}, no integer", to_text(x));
      return {};
    }
    x = nearest + 0.0;  // no -0
  }
  if (!in_range(key, x) || (whole && std::fabs(x) > 0x1p53)) {
    problem = fmt::format("{}, expected {}", to_text(x), expectation(key));
    return {};
  }
  return whole ? Value{static_cast<std::int64_t>(x)} : Value{x};
}

Value default_value(const Key& key, const Settings& settings) {
  const Schema& schema = settings.schema();
  const auto line = [&](const char* name, auto find) -> const Choice* {
    const int at = schema.find(name);
    return at < 0 ? nullptr : (schema.*find)(settings.word(name));
  };
  const std::string& text = fallback_text(key, line("task", &Schema::task), line("variant", &Schema::variant));
  if (const auto value = literal(key, text)) return *value;
  if (text.empty()) return std::string();  // has no default: equal to no value that a cell can have
  if (key.kind == Kind::word || key.kind == Kind::boolean) return settings.value(text);
  Expression expression(text);
  std::vector<double> numbers(expression.names().size());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const Key& other = schema.keys[schema.find(expression.names()[i])];
    numbers[i] = counted(other, settings.value(other.name)).value_or(0);
    expression.bind(expression.names()[i], &numbers[i]);
  }
  std::string problem;
  return from_number(key, expression.value(), problem).value_or(std::string());
}

}  // namespace phasegrid::sweeps
