// Goes through all settings of a grid once and adds up what `plan` prints.
#include <algorithm>
#include <cmath>
#include <set>

#include "orchestrator/plan.hpp"

namespace phasegrid::orchestrator {
namespace {

using sweeps::Axis;
using sweeps::Grid;
using sweeps::Section;
using sweeps::Settings;

constexpr std::size_t kMostColumns = 400;

void widen(Range& range, std::uint64_t value) {
  range.least = std::min(range.least, value), range.most = std::max(range.most, value);
}

// How a model is trained is no matter of theory, and the width is what theory speaks about.
bool beside_theory(const Grid& grid, const Axis& axis) {
  return std::all_of(axis.keys.begin(), axis.keys.end(), [&](const std::string& name) {
    const int key = grid.schema().find(name);
    return name == "seed" || name == "d" || (key >= 0 && grid.schema().keys[key].section == Section::train);
  });
}

// To 12 bits: a million different cells become a few thousand kinds of jobs, at an error of 0.02 %.
double coarse(double seconds) {
  int exponent = 0;
  const double mantissa = std::frexp(seconds, &exponent);
  return std::ldexp(std::round(std::ldexp(mantissa, 12)), exponent - 12);
}

int replicas_of(const Settings& settings) {
  return settings.schema().find("replicas") >= 0 ? static_cast<int>(settings.integer("replicas")) : 1;
}

std::string too_wide(int replicas, int workers) {
  if (replicas <= workers) return "";
  return "replicas: those of a cell train at the same time, replicas <= " + std::to_string(workers) + " workers (--workers; " +
         "a run: --slots of one rank), but replicas = " + std::to_string(replicas);
}

std::string without_numbers(const std::string& reason) { return reason.substr(0, reason.find(", but ")); }

// Columns by their places on the axes that theory may read, in the order of the grid.
class Columns {
 public:
  explicit Columns(const Grid& grid) : grid_(grid) {
    for (std::size_t a = 0; a < grid.axes().size(); ++a)
      if (!beside_theory(grid, grid.axes()[a])) axes_.push_back(a);
  }

  void add(std::uint64_t cell, const Settings& settings) {
    std::uint64_t place = 0;
    places(cell);
    for (const std::size_t a : axes_) place = place * grid_.axes()[a].size() + at_[a];
    if (place == last_) return;
    last_ = place;
    if (known_.size() >= kMostColumns) {
      full_ |= !known_.contains(place);
      return;
    }
    if (!known_.insert(place).second) return;
    Column column;
    for (const std::size_t a : axes_) column.at.push_back(at_[a]);
    column.thresholds = sweeps::thresholds(settings);
    columns_.push_back(std::move(column));
  }

  // Leaves out the axes along which no threshold changes, and the columns that are then the same.
  void finish(Survey& survey) {
    std::vector<std::size_t> kept;
    for (std::size_t i = 0; i < axes_.size(); ++i)
      if (matters(i)) kept.push_back(i);
    std::set<std::vector<std::size_t>> seen;
    for (Column& column : columns_) {
      std::vector<std::size_t> at;
      for (const std::size_t i : kept) at.push_back(column.at[i]);
      if (column.thresholds.empty() || !seen.insert(at).second) continue;
      survey.columns.push_back({std::move(at), std::move(column.thresholds)});
    }
    for (const std::size_t i : kept) survey.theory_axes.push_back(axes_[i]);
    survey.columns_left_out = full_;
  }

 private:
  void places(std::uint64_t cell) {
    at_.resize(grid_.axes().size());
    for (std::size_t a = at_.size(); a-- > 0;) at_[a] = cell % grid_.axes()[a].size(), cell /= grid_.axes()[a].size();
  }

  bool matters(std::size_t axis) const {
    std::map<std::vector<std::size_t>, const Column*> first;
    for (const Column& column : columns_) {
      std::vector<std::size_t> others = column.at;
      others.erase(others.begin() + static_cast<std::ptrdiff_t>(axis));
      const Column& other = *first.try_emplace(others, &column).first->second;
      const auto same = [](const sweeps::Threshold& a, const sweeps::Threshold& b) {
        return a.name == b.name && a.quantity == b.quantity && a.value == b.value;
      };
      if (!std::equal(column.thresholds.begin(), column.thresholds.end(), other.thresholds.begin(),
                      other.thresholds.end(), same))
        return true;
    }
    return false;
  }

  const Grid& grid_;
  std::vector<std::size_t> axes_, at_;
  std::vector<Column> columns_;
  std::set<std::uint64_t> known_;
  std::uint64_t last_ = ~std::uint64_t{0};
  bool full_ = false;
};

}  // namespace

Survey survey(const Grid& grid, const sweeps::Rates& rates, int workers) {
  Survey result;
  Columns columns(grid);
  const std::uint64_t seeds = grid.axes().back().size();
  const bool stops = grid.schema().find("stop_at_accuracy") >= 0, patient = grid.schema().find("patience") >= 0;
  grid.visit_groups([&](std::uint64_t first, const Settings& settings, const std::string& cannot) {
    const int replicas = cannot.empty() ? replicas_of(settings) : 1;
    const std::string reason = cannot.empty() ? too_wide(replicas, workers) : cannot;
    if (!reason.empty()) {
      Infeasible& infeasible = result.reasons[without_numbers(reason)];
      if (infeasible.cells == 0) infeasible.first = first;
      infeasible.cells += seeds, result.infeasible += seeds;
      return;
    }
    const sweeps::Cost cost = grid.schema().cost(settings);
    result.runnable += seeds;
    result.jobs[coarse(sweeps::predicted_seconds(cost, rates) / replicas)] += seeds * static_cast<std::uint64_t>(replicas);
    result.most_replicas = std::max(result.most_replicas, replicas);
    ModelSizes& sizes = result.models[settings.word("variant")];
    widen(sizes.parameters, cost.parameters), widen(sizes.bytes, cost.bytes);
    result.may_stop_early |=
        (stops && settings.real("stop_at_accuracy") > 0) || (patient && settings.integer("patience") > 0);
    columns.add(first, settings);
    if (!grid.schema().fits_length) return;
    for (const int T : grid.eval_T())
      if (const std::string why = grid.schema().fits_length(settings, T); !why.empty()) {
        Infeasible& cells = result.lengths[T][without_numbers(why)];
        if (cells.cells == 0) cells.first = first;
        cells.cells += seeds;
      }
  });
  columns.finish(result);
  return result;
}

}  // namespace phasegrid::orchestrator
