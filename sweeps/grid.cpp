#include "sweeps/grid.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "sweeps/grid_data.hpp"

namespace phasegrid::sweeps {
namespace {

void check_size(const Draft& draft) {
  double cells = static_cast<double>(draft.seeds.size());
  std::string product;
  for (const Axis& axis : draft.axes) {
    cells *= static_cast<double>(axis.size());
    product += fmt::format("{} {} x ", axis.name, axis.size());
  }
  if (cells > static_cast<double>(kMostCells))
    fail(draft.file, draft.axes_place, "axes",
         fmt::format("the grid has {:.10g} cells ({}seed {}), expected at most {}", cells, product, draft.seeds.size(),
                     kMostCells));
}

void unpack(std::uint64_t index, const std::vector<Axis>& axes, std::vector<std::size_t>& coordinates) {
  coordinates.resize(axes.size());
  for (std::size_t a = axes.size(); a-- > 0;) coordinates[a] = index % axes[a].size(), index /= axes[a].size();
}

}  // namespace

bool advance(const std::vector<Axis>& axes, std::size_t count, std::vector<std::size_t>& coordinates) {
  for (std::size_t a = count; a-- > 0;) {
    if (++coordinates[a] < axes[a].size()) return true;
    coordinates[a] = 0;
  }
  return false;
}

Grid Grid::parse(std::string text, std::string file, std::shared_ptr<const Schema> schema) {
  auto data = std::make_shared<Data>();
  data->draft = read_draft(std::move(text), std::move(file), std::move(schema));
  check_size(data->draft);
  data->axes = data->draft.axes;
  Axis seed{"seed", {"seed"}, {}};
  for (const auto s : data->draft.seeds) seed.values.push_back({s});
  for (const Axis& axis : data->axes) data->groups *= axis.size();
  data->cells = data->groups * seed.size();
  data->axes.push_back(std::move(seed));
  data->canonical = canonical_text(data->draft);
  data->walker = std::make_unique<Walker>(data->draft);
  check_cells(*data);
  Grid grid;
  grid.data_ = std::move(data);
  return grid;
}

std::string read_text(const std::string& path) {
  if (std::filesystem::is_directory(path))  // which a stream opens, and finds empty
    throw SweepError(fmt::format("{}:1:1: file: is a folder, expected a sweep file", path));
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  if (!file || file.bad() || (text.fail() && file.peek() != EOF))
    throw SweepError(
        fmt::format("{}:1:1: file: cannot be read ({}), expected a sweep file", path, std::strerror(errno)));
  return text.str();
}

Grid Grid::read(const std::string& path, std::shared_ptr<const Schema> schema) {
  return parse(read_text(path), path, std::move(schema));
}

const std::string& Grid::name() const { return data_->draft.name; }
const std::string& Grid::text() const { return data_->draft.text; }
const std::string& Grid::canonical() const { return data_->canonical; }
const Schema& Grid::schema() const { return *data_->draft.schema; }
const std::vector<Axis>& Grid::axes() const { return data_->axes; }
const std::vector<int>& Grid::eval_T() const { return data_->draft.eval_T; }
const std::vector<std::string>& Grid::tasks() const { return data_->draft.tasks; }
const Search& Grid::search() const { return data_->draft.search; }
std::uint64_t Grid::size() const { return data_->cells; }

std::string Grid::hash() const {  // 64-bit FNV-1a
  std::uint64_t h = 0xcbf29ce484222325ull;
  for (const char c : canonical()) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  return fmt::format("{:016x}", h);
}

std::vector<std::size_t> Grid::coordinates(std::uint64_t index) const {
  assert(index < size() && "a cell of the grid");
  std::vector<std::size_t> at;
  unpack(index, axes(), at);
  return at;
}

std::uint64_t Grid::index(const std::vector<std::size_t>& coordinates) const {
  assert(coordinates.size() == axes().size() && "one coordinate per axis");
  std::uint64_t index = 0;
  for (std::size_t a = 0; a < coordinates.size(); ++a) index = index * axes()[a].size() + coordinates[a];
  return index;
}

CellSpec Grid::cell(std::uint64_t index) const {
  auto at = coordinates(index);
  const std::int64_t seed = data_->draft.seeds[at.back()];
  at.pop_back();
  const std::lock_guard lock(data_->mutex);
  data_->walker->go_to(at);
  return {index, data_->walker->settings(), seed, eval_T()};
}

std::optional<std::string> Grid::infeasible(std::uint64_t index) const {
  auto at = coordinates(index);
  at.pop_back();
  const std::lock_guard lock(data_->mutex);
  data_->walker->go_to(at);
  std::string reason = data_->walker->reason();
  return reason.empty() ? std::nullopt : std::optional(std::move(reason));
}

void Grid::visit_groups(const std::function<void(std::uint64_t, const Settings&, const std::string&)>& f) const {
  Walker walker(data_->draft);
  std::vector<std::size_t> at(data_->draft.axes.size(), 0);
  const std::uint64_t seeds = data_->draft.seeds.size();
  for (std::uint64_t group = 0; group < data_->groups; ++group) {
    walker.go_to(at);
    f(group * seeds, walker.settings(), walker.reason());
    advance(data_->axes, at.size(), at);
  }
}

void Grid::visit(const std::function<void(std::uint64_t, const Settings&, std::int64_t)>& f) const {
  Walker walker(data_->draft);
  std::vector<std::size_t> at(data_->draft.axes.size(), 0);
  const auto& seeds = data_->draft.seeds;
  for (std::uint64_t group = 0; group < data_->groups; ++group) {
    walker.go_to(at);
    for (std::size_t s = 0; s < seeds.size(); ++s) f(group * seeds.size() + s, walker.settings(), seeds[s]);
    advance(data_->axes, at.size(), at);
  }
}

std::string Grid::expression(std::string_view key) const {
  const int at = schema().find(key);
  return at >= 0 && data_->draft.sources[at].origin == Origin::expression ? data_->draft.sources[at].expression : "";
}

}  // namespace phasegrid::sweeps
