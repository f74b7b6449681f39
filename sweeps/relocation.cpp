#include "sweeps/relocation.hpp"

#include <algorithm>
#include <cassert>

#include "sweeps/data_files.hpp"

namespace phasegrid::sweeps {
namespace {

std::string text_of(const std::vector<Value>& point) {
  std::string text;
  for (const Value& value : point) text += (text.empty() ? "" : "/") + to_text(value);
  return text;
}

const Axis* axis_with(const std::vector<Axis>& axes, const std::vector<std::string>& keys) {
  const auto found = std::ranges::find(axes, keys, &Axis::keys);
  return found == axes.end() ? nullptr : &*found;
}

std::uint64_t stride_of(const Grid& grid, const Axis& axis) {
  std::uint64_t stride = 1;
  for (auto other = grid.axes().rbegin(); &*other != &axis; ++other) stride *= other->size();
  return stride;
}

std::uint64_t place_of(const Axis& axis, const std::vector<Value>& point) {
  const auto found = std::ranges::find(axis.values, point);
  if (found == axis.values.end())
    throw SweepError("axes." + axis.name + ": " + text_of(point) + " was there before and is missing now");
  return static_cast<std::uint64_t>(found - axis.values.begin());
}

// Old cells lie where a new axis has the value that was fixed before.
std::uint64_t place_on_new_axis(const Axis& axis, const Grid& before) {
  const Settings settings = before.cell(0).settings;
  std::vector<Value> point;
  for (const std::string& key : axis.keys) {
    if (!before.varies_with(key).empty())
      throw SweepError("axes." + axis.name + ": " + key + " followed other axes before and is one of its own now");
    const std::string expression = axis.expressions ? before.expression(key) : "";
    point.push_back(expression.empty() ? settings.value(key) : Value(expression));
  }
  return place_of(axis, point);
}

std::string content_of(const Settings& settings, const Key& key) {
  const DataFile* file = settings.data(key.name);
  return file ? file->content : "";
}

// Equal in everything that a result depends on.
std::string first_difference(const Settings& before, const Settings& now) {
  for (std::size_t k = 0; k < before.schema().keys.size(); ++k) {
    const Key& key = before.schema().keys[k];
    if (key.section == Section::search || !(before.read(key) || now.read(key))) continue;
    if (key.kind == Kind::file) {  // what it holds counts, not where it lies
      if (content_of(before, key) != content_of(now, key)) return key.name + " holds other data now";
      continue;
    }
    if (!(before.at(static_cast<int>(k)) == now.at(static_cast<int>(k))))
      return key.name + " was " + to_text(before.at(static_cast<int>(k))) + " and is " +
             to_text(now.at(static_cast<int>(k))) + " now";
  }
  return "";
}

}  // namespace

std::uint64_t Relocation::cells() const {
  std::uint64_t product = 1;
  for (const auto& axis : offsets) product *= axis.size();
  return product;
}

std::uint64_t Relocation::operator()(std::uint64_t cell) const {
  assert(cell < cells() && "a cell of the old grid");
  std::uint64_t place = base;
  for (std::size_t a = offsets.size(); a-- > 0; cell /= offsets[a].size()) place += offsets[a][cell % offsets[a].size()];
  return place;
}

Relocation relocate(const Grid& before, const Grid& now) {
  if (before.eval_T() != now.eval_T()) throw SweepError("eval.T: the lengths of the test have changed");
  Relocation relocation;
  for (const Axis& axis : before.axes()) {
    const Axis* same = axis_with(now.axes(), axis.keys);
    if (!same) throw SweepError("axes." + axis.name + ": was an axis before and is none now");
    const std::uint64_t stride = stride_of(now, *same);
    auto& offsets = relocation.offsets.emplace_back();
    for (const auto& point : axis.values) offsets.push_back(place_of(*same, point) * stride);
  }
  for (const Axis& axis : now.axes())
    if (!axis_with(before.axes(), axis.keys))
      relocation.base += place_on_new_axis(axis, before) * stride_of(now, axis);

  before.visit_groups([&](std::uint64_t cell, const Settings& settings, const std::string& reason) {
    if (!reason.empty()) return;  // it has no result
    const std::string difference = first_difference(settings, now.cell(relocation(cell)).settings);
    if (!difference.empty()) throw SweepError("cell " + before.label(cell) + ": " + difference);
  });
  return relocation;
}

}  // namespace phasegrid::sweeps
