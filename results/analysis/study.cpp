#include "results/analysis/study.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "results/analysis/axis.hpp"
#include "results/best_value.hpp"
#include "sweeps/thresholds.hpp"

namespace phasegrid::results::analysis {
namespace {

using sweeps::CellResult;
using sweeps::Settings;
using sweeps::Status;

// NaN where the cell's task and variant know no such number.
double number(const Settings& settings, const std::string& name) {
  const int place = settings.schema().find(name);
  if (place < 0 || settings.is_word(name)) return sweeps::kNaN;
  const sweeps::Key& key = settings.schema().keys[static_cast<std::size_t>(place)];
  const bool numeric = key.kind != sweeps::Kind::word && key.kind != sweeps::Kind::boolean;
  return numeric && settings.read(key) ? settings.real(name) : sweeps::kNaN;
}

std::string word(const Settings& settings, const std::string& name) {
  return settings.schema().find(name) >= 0 ? settings.word(name) : "";
}

// A theorem's weights as they are, of a construction that is exact rather than right on average (theory 3.2 C2c).
bool is_constructed(const Settings& settings) {
  if (word(settings, "init") != "construction" || word(settings, "construction") == "C2c") return false;
  return number(settings, "steps") == 0 && !(number(settings, "init_noise") > 0);
}

bool is_regression(const Settings& settings) {
  const sweeps::Choice* task = settings.schema().task(word(settings, "task"));
  return task && task->regression && task->regression(settings);
}

// Dimensions whose keys all say what a task asks for: they vary within a group.
bool is_demand(const sweeps::Axis& axis) {
  static const std::vector<std::string> demands = {"kappa", "nu", "pairs", "vocab", "T"};
  return std::ranges::all_of(axis.keys, [](const std::string& key) { return std::ranges::count(demands, key) > 0; });
}

std::string label_of(const Cube& cube, const std::vector<std::size_t>& dims, std::size_t cell) {
  std::string text;
  for (const std::size_t dim : dims) {
    if (cube.dims()[dim].size() < 2) continue;
    const sweeps::Axis& axis = *cube.dims()[dim].axis;
    const std::vector<sweeps::Value>& values = axis.values[cube.coordinate(cell, dim)];
    for (std::size_t k = 0; k < axis.keys.size(); ++k)
      text += (text.empty() ? "" : " ") + axis.keys[k] + "=" + plain_text(values[k]);
  }
  return text;
}

// Sorts a sweep's results into columns and points.
class Sorter {
 public:
  Sorter(const sweeps::Grid& grid, const RunState& state) : cube_(grid), state_(state), searched_(choose_axis(cube_)) {
    for (std::size_t dim = 0; dim < cube_.dims().size(); ++dim) {
      const sweeps::Axis& axis = *cube_.dims()[dim].axis;
      if (axis.name == "seed") seed_ = cube_.dims()[dim];
      else if (axis.reduce) reduced_.push_back(dim);
      else if (dim != searched_.dim) study_.dims.push_back(dim);
    }
    for (const std::size_t dim : study_.dims)
      if (!is_demand(*cube_.dims()[dim].axis)) group_dims_.push_back(dim);
    study_.axis = searched_.key, study_.why = searched_.why;
    study_.places = cube_.size_of(study_.dims);
  }

  Study sorted() {
    for (const auto& [cell, result] : state_.results)
      if (cell < cube_.cells()) {
        ++study_.results;
        const std::size_t first = cell - cube_.coordinate(cell, seed_dim()) * seed_.stride;
        points_.insert(first - cube_.cell_at(cube_.place_of(first, reduced_), reduced_));
      }
    std::map<std::size_t, Column> columns;
    for (const std::size_t point : points_)
      if (const auto first = choose(point)) add(columns, *first);
    std::map<std::string, std::size_t> groups;
    for (auto& [place, column] : columns) {
      if (column.points.empty()) continue;
      std::ranges::sort(column.points, {}, &Point::x);
      const std::string label = label_of(cube_, group_dims_, cube_.cell_at(place, study_.dims));
      const auto [known, is_new] = groups.try_emplace(label, study_.groups.size());
      if (is_new) study_.groups.push_back({label, {}});
      column.group = known->second;
      study_.groups[column.group].columns.push_back(study_.columns.size());
      study_.columns.push_back(std::move(column));
    }
    for (Column& column : study_.columns) add_theory(column);
    study_.increasing = searched_.key == "d" || searched_.key == "N" || tendency() >= 0;
    return std::move(study_);
  }

 private:
  std::size_t seed_dim() const { return cube_.dims().size() - 1; }

  const CellResult* find(std::size_t cell) const {
    const auto found = state_.results.find(cell);
    return found == state_.results.end() ? nullptr : &found->second;
  }

  std::vector<const CellResult*> seeds_of(std::size_t first) const {
    std::vector<const CellResult*> seeds;
    for (std::size_t k = 0; k < seed_.size(); ++k) seeds.push_back(find(first + k * seed_.stride));
    return seeds;
  }

  // Of the cells that differ in reduced axes only, the one by the rule of results files; without such axes each.
  std::optional<std::size_t> choose(std::size_t point) const {
    if (reduced_.empty()) return point;
    std::vector<std::optional<Validation>> values(cube_.size_of(reduced_));
    for (std::size_t place = 0; place < values.size(); ++place)
      values[place] = validation_of(seeds_of(point + cube_.cell_at(place, reduced_)));
    const auto best = best_of(values);
    return best ? std::optional(point + cube_.cell_at(*best, reduced_)) : std::nullopt;
  }

  void add(std::map<std::size_t, Column>& columns, std::size_t first) {
    Point point;
    for (const CellResult* result : seeds_of(first)) {
      if (!result || result->status == Status::pending || result->status == Status::infeasible) continue;
      const bool done = result->status == Status::done && !std::isnan(result->accuracy);
      if (done || result->status == Status::diverged)
        point.seeds.push_back({result->index, done ? result->accuracy : 0});
      else ++study_.left_out;
    }
    if (point.seeds.empty()) return;
    study_.counted += point.seeds.size();
    const Settings settings = cube_.grid().cell(first).settings;
    point.x = number(settings, searched_.key);
    if (!(point.x > 0)) throw RunError(searched_.key + ": has values that are not positive, and no logarithm");
    point.d = number(settings, "d"), point.N = number(settings, "N");
    const double expand = number(settings, "expand"), D = number(settings, "D");
    point.D = !std::isnan(D) ? D : std::isnan(expand) ? point.d : expand * point.d;
    point.state = point.D * point.N;
    if (point.state > 0) point.least_error = sweeps::least_error(settings, std::llround(point.state));
    point.constructed = is_constructed(settings);

    const std::size_t place = cube_.place_of(first, study_.dims);
    const auto [known, is_new] = columns.try_emplace(place);
    Column& column = known->second;
    if (is_new) {
      column.place = place;
      column.label = label_of(cube_, study_.dims, first);
      column.variant = word(settings, "variant");
      column.kappa = number(settings, "kappa"), column.nu = number(settings, "nu");
      column.pairs = number(settings, "pairs"), column.T = number(settings, "T");
      column.regression = is_regression(settings);
      if (const double examples = number(settings, "eval_examples"); examples > 0)
        study_.eval_examples = static_cast<std::size_t>(examples);
    }
    column.points.push_back(std::move(point));
  }

  // The first construction of the table that exists at the column's other sizes (theory 3.9).
  void add_theory(Column& column) {
    const Point& middle = column.points[column.points.size() / 2];
    column.other_size = searched_.key == "N" ? middle.d : middle.N;
    const Settings settings = cube_.grid().cell(middle.seeds[0].cell).settings;
    const std::vector<sweeps::Threshold> all = sweeps::thresholds(settings);
    for (const sweeps::Threshold& threshold : all) {
      if (threshold.kind == sweeps::Bound::lower_bound && threshold.quantity == "state")
        column.state_needed = threshold.value;
      if (threshold.kind != sweeps::Bound::exact || threshold.quantity != searched_.key || column.exact) continue;
      const auto there = std::ranges::find_if(column.points, [&](const Point& p) { return p.x >= threshold.value; });
      const Point& point = there == column.points.end() ? column.points.back() : *there;
      const bool exists = std::ranges::all_of(all, [&](const sweeps::Threshold& other) {
        if (other.name != threshold.name || other.kind != threshold.kind || other.quantity == searched_.key)
          return true;
        const double has = other.quantity == "d"   ? point.d
                           : other.quantity == "N" ? point.N
                           : searched_.key == "d"  ? point.D / point.d * threshold.value
                                                   : point.D;
        return has >= other.value;
      });
      if (exists) column.exact = Exact{threshold.name, threshold.condition, threshold.reference, threshold.value};
    }
  }

  // Whether accuracy grows (> 0) or falls (< 0) along the axis, over all columns.
  double tendency() const {
    double sum = 0;
    for (const Column& column : study_.columns) {
      double x = 0, y = 0, n = 0;
      for (const Point& p : column.points)
        for (const Trained& t : p.seeds) x += std::log2(p.x), y += t.accuracy, ++n;
      for (const Point& p : column.points)
        for (const Trained& t : p.seeds) sum += (std::log2(p.x) - x / n) * (t.accuracy - y / n);
    }
    return sum;
  }

  Cube cube_;
  const RunState& state_;
  SearchedAxis searched_;
  Cube::Dim seed_{};
  std::vector<std::size_t> reduced_, group_dims_;
  std::set<std::size_t> points_;  // with a result: their first cell, reduced axes at 0
  Study study_;
};

}  // namespace

Study make_study(const sweeps::Grid& grid, const RunState& state) { return Sorter(grid, state).sorted(); }

std::vector<Response> responses(const Study& study, const Column& column, double level) {
  std::vector<Response> out;
  for (const Point& point : column.points) {
    const double at = std::log2(point.x);
    const auto solved = std::ranges::count_if(point.seeds, [&](const Trained& t) { return t.accuracy >= level; });
    out.push_back({study.increasing ? at : -at, static_cast<double>(point.seeds.size()), static_cast<double>(solved)});
  }
  return out;
}

}  // namespace phasegrid::results::analysis
