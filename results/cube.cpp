#include "results/cube.hpp"

#include <algorithm>

#include "results/results_parts.hpp"

namespace phasegrid::results {

std::string coordinate_name(const sweeps::Schema& schema, const std::string& name) {
  constexpr const char* kSections[] = {"task", "model", "train", "eval", "diagnostics", "search"};
  const int key = schema.find(name);
  const bool taken = std::ranges::any_of(quantities(), [&](const Quantity& quantity) { return quantity.name == name; });
  if (key < 0 || !taken) return name;
  return std::string(kSections[static_cast<int>(schema.keys[static_cast<std::size_t>(key)].section)]) + "_" + name;
}

Cube::Cube(const sweeps::Grid& grid) : grid_(&grid), cells_(grid.size()) {
  std::size_t stride = 1;
  for (auto axis = grid.axes().rbegin(); axis != grid.axes().rend(); ++axis) {
    if (!(axis->expressions && axis->size() == 1))
      dims_.push_back({coordinate_name(grid.schema(), axis->name), &*axis, stride});
    stride *= axis->size();
  }
  std::ranges::reverse(dims_);
}

std::vector<std::string> Cube::names() const {
  std::vector<std::string> names;
  for (const Dim& dim : dims_) names.push_back(dim.name);
  return names;
}

std::vector<std::string> Cube::names(const std::vector<std::size_t>& dims) const {
  std::vector<std::string> names;
  for (const std::size_t dim : dims) names.push_back(dims_[dim].name);
  return names;
}

std::vector<std::size_t> Cube::dims_without(const std::function<bool(const sweeps::Axis&)>& leave_out) const {
  std::vector<std::size_t> kept;
  for (std::size_t dim = 0; dim < dims_.size(); ++dim)
    if (!leave_out(*dims_[dim].axis)) kept.push_back(dim);
  return kept;
}

std::size_t Cube::size_of(const std::vector<std::size_t>& dims) const {
  std::size_t size = 1;
  for (const std::size_t dim : dims) size *= dims_[dim].size();
  return size;
}

std::size_t Cube::cell_at(std::size_t place, const std::vector<std::size_t>& dims) const {
  std::size_t cell = 0;
  for (std::size_t i = dims.size(); i-- > 0; place /= dims_[dims[i]].size())
    cell += place % dims_[dims[i]].size() * dims_[dims[i]].stride;
  return cell;
}

std::size_t Cube::place_of(std::size_t cell, const std::vector<std::size_t>& dims) const {
  std::size_t place = 0;
  for (const std::size_t dim : dims) place = place * dims_[dim].size() + coordinate(cell, dim);
  return place;
}

std::string plain_text(const sweeps::Value& value) {
  const auto* word = std::get_if<std::string>(&value);
  return word ? *word : sweeps::to_text(value);
}

Column column(const std::vector<sweeps::Value>& values) {
  const auto all = [&](auto... types) {
    return std::ranges::all_of(
        values, [&](const sweeps::Value& value) { return (std::holds_alternative<decltype(types)>(value) || ...); });
  };
  if (all(bool{})) {
    std::vector<std::int8_t> out;
    for (const auto& value : values) out.push_back(std::get<bool>(value));
    return {out, true};
  }
  if (all(std::int64_t{})) {
    std::vector<std::int64_t> out;
    for (const auto& value : values) out.push_back(std::get<std::int64_t>(value));
    return {out};
  }
  if (all(std::int64_t{}, double{})) {
    std::vector<double> out;
    for (const auto& value : values)
      out.push_back(std::holds_alternative<double>(value) ? std::get<double>(value)
                                                          : static_cast<double>(std::get<std::int64_t>(value)));
    return {out};
  }
  std::vector<std::string> out;
  for (const auto& value : values) out.push_back(plain_text(value));
  return {out};
}

Array Cube::labels(std::size_t dim) const {
  const sweeps::Axis& axis = *dims_[dim].axis;
  std::vector<sweeps::Value> labels;
  for (const std::vector<sweeps::Value>& point : axis.values) {
    if (axis.keys.size() == 1) {
      labels.push_back(point[0]);
      continue;
    }
    std::string text;
    for (std::size_t k = 0; k < axis.keys.size(); ++k)
      text += (k > 0 ? " " : "") + axis.keys[k] + "=" + plain_text(point[k]);
    labels.push_back(text);
  }
  return column(labels).values;
}

Attributes Cube::label_attributes(std::size_t dim) const {
  const sweeps::Axis& axis = *dims_[dim].axis;
  const int key = grid_->schema().find(axis.keys[0]);
  Attributes attributes;
  if (axis.name == "seed") attributes.push_back({"long_name", "seed of data and initialisation"});
  else if (axis.keys.size() > 1) attributes.push_back({"long_name", "settings that vary together"});
  else if (key >= 0) attributes.push_back({"long_name", grid_->schema().keys[static_cast<std::size_t>(key)].help});
  std::vector<sweeps::Value> first;
  for (const auto& point : axis.values) first.push_back(point[0]);
  if (axis.keys.size() == 1 && column(first).boolean) attributes.push_back({"dtype", "bool"});
  return attributes;
}

void Cube::write_dimensions(NetcdfGroup& group) const {
  for (std::size_t dim = 0; dim < dims_.size(); ++dim)
    group.coordinate(dims_[dim].name, labels(dim), label_attributes(dim));
}

}  // namespace phasegrid::results
