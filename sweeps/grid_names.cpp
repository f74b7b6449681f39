// Cells by name: "variant=mamba,d=13,seed=7", and the axes along which a setting changes.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "sweeps/grid_data.hpp"

namespace phasegrid::sweeps {
namespace {

constexpr std::uint64_t kMostTried = 1'000'000;   // cells looked at to tell whether a setting changes along an axis

// Whether `text` names this value: 1e-3 names 0.001.
bool names(const std::string& text, const Value& value) {
  if (plain_text(value) == text) return true;
  if (std::holds_alternative<bool>(value) || std::holds_alternative<std::string>(value)) return false;
  double x = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), x);
  const double y = std::holds_alternative<double>(value) ? std::get<double>(value) : static_cast<double>(std::get<std::int64_t>(value));
  return error == std::errc{} && end == text.data() + text.size() && x == y;
}

std::string values_of(const Axis& axis, std::size_t member) {
  std::string list;
  for (std::size_t i = 0; i < std::min<std::size_t>(axis.size(), 20); ++i) list.append(i ? ", " : "").append(plain_text(axis.values[i][member]));
  return list + (axis.size() > 20 ? ", ..." : "");
}

struct Named {
  std::string key, value;
};

std::vector<Named> split(const std::string& cell) {
  std::vector<Named> parts;
  std::string part;
  for (const char c : cell + ",") {
    if (c != ',' && c != ' ') {
      part += c;
      continue;
    }
    if (part.empty()) continue;
    const std::size_t equal = part.find('=');
    if (equal == 0 || equal == std::string::npos || equal + 1 == part.size())
      throw SweepError(fmt::format("cell \"{}\": found \"{}\", expected an index or key=value pairs as in variant=mamba,d=13,seed=7", cell, part));
    parts.push_back({part.substr(0, equal), part.substr(equal + 1)});
    part.clear();
  }
  return parts;
}

}  // namespace

std::string plain_text(const Value& value) {
  const auto* text = std::get_if<std::string>(&value);
  return text ? *text : to_text(value);
}

std::string Grid::label(std::uint64_t index) const {
  const auto at = coordinates(index);
  std::string text;
  for (std::size_t a = 0; a < at.size(); ++a)
    for (std::size_t member = 0; member < axes()[a].keys.size(); ++member)
      text += fmt::format("{}{}={}", text.empty() ? "" : " ", axes()[a].keys[member], plain_text(axes()[a].values[at[a]][member]));
  return text;
}

std::uint64_t Grid::find(const std::string& cell) const {
  const auto wrong = [&](const std::string& what) { throw SweepError(fmt::format("cell \"{}\": {}", cell, what)); };
  if (!cell.empty() && cell.find_first_not_of("0123456789") == std::string::npos) {
    std::uint64_t index = 0;
    const auto error = std::from_chars(cell.data(), cell.data() + cell.size(), index).ec;
    if (error != std::errc{} || index >= size()) wrong(fmt::format("there is no such cell, expected an index from 0 to {}", size() - 1));
    return index;
  }
  std::vector<Named> parts = split(cell);
  if (parts.empty()) wrong("is empty, expected an index or key=value pairs as in variant=mamba,d=13,seed=7");
  std::vector<std::size_t> at;
  std::set<std::string> used;
  for (const Axis& axis : axes()) {
    std::vector<std::size_t> points(axis.size());
    for (std::size_t i = 0; i < points.size(); ++i) points[i] = i;
    for (std::size_t member = 0; member < axis.keys.size(); ++member) {
      for (const auto& [key, value] : parts) {
        if (key != axis.keys[member]) continue;
        if (!used.insert(key).second) wrong(key + " is named twice, expected each axis once");
        std::erase_if(points, [&](std::size_t point) { return !names(value, axis.values[point][member]); });
        if (points.empty()) wrong(fmt::format("{} has no value {} there, expected one of {}", key, value, values_of(axis, member)));
      }
    }
    if (points.size() > 1) wrong(fmt::format("{} is open, expected it to be named: one of {}", axis.name, values_of(axis, 0)));
    at.push_back(points.front());
  }
  for (const auto& part : parts) {
    if (used.contains(part.key)) continue;
    std::vector<std::string> known;
    for (const Axis& axis : axes()) known.insert(known.end(), axis.keys.begin(), axis.keys.end());
    wrong(fmt::format("\"{}\" is no axis of this sweep{}", part.key, suggestion(part.key, known)));
  }
  return index(at);
}

// The walker knows an upper bound; going through the axes in question tells which of them matter.
std::vector<std::size_t> Grid::varies_with(std::string_view name) const {
  const std::lock_guard lock(data_->mutex);
  if (const auto known = data_->varies.find(name); known != data_->varies.end()) return known->second;
  const int key = schema().find(name);
  const std::size_t count = data_->draft.axes.size();
  std::vector<std::size_t> asked;
  if (key < 0) return asked;
  Walker walker(data_->draft);
  std::vector<std::size_t> at(count, 0);
  walker.go_to(at);
  std::uint64_t bound = walker.axes_of(key), points = 1;
  for (std::size_t a = 0; a < count; ++a) {
    const Axis& axis = data_->axes[a];
    const bool line = axis.name == "task" || axis.name == "variant";
    if (line || (bound >> a & 1)) asked.push_back(a), points *= axis.size();
    if (line) {       // another line of the tables has other defaults that follow other keys
      asked.resize(count);
      for (std::size_t b = 0; b < count; ++b) asked[b] = b;
      points = data_->groups;
      break;
    }
  }
  std::vector<std::size_t> result = asked;
  if (points <= kMostTried) {
    result.clear();
    for (const std::size_t axis : asked) {
      std::vector<std::size_t> others;
      for (const std::size_t a : asked)
        if (a != axis) others.push_back(a);
      std::fill(at.begin(), at.end(), 0);
      bool varies = false;
      for (bool more = true; more && !varies;) {
        at[axis] = 0;
        walker.go_to(at);
        const Value first = walker.settings().at(key);
        for (std::size_t i = 1; i < data_->axes[axis].size() && !varies; ++i) {
          at[axis] = i;
          walker.go_to(at);
          varies = walker.settings().at(key) != first;
        }
        more = false;
        for (std::size_t o = others.size(); o-- > 0 && !more;) {
          if (++at[others[o]] < data_->axes[others[o]].size()) more = true;
          else at[others[o]] = 0;
        }
      }
      if (varies) result.push_back(axis);
    }
  }
  data_->varies.emplace(std::string(name), result);
  return result;
}

}  // namespace phasegrid::sweeps
