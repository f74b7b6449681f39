// What a boundary search knows: of its columns, of cells that need no training, of the work that is left.
#include <algorithm>
#include <cmath>

#include "results/analysis/boundary_plan.hpp"

namespace phasegrid::results::analysis {

namespace {
constexpr double kProbesUsual = 25;  // of a column, before one is done
}

BoundaryPlan::ColumnState BoundaryPlan::column(std::size_t index) const {
  const Column& column = columns_[index];
  ColumnState state;
  state.label = column.label;
  state.asked = column.asked, state.missing = column.missing, state.cost = column.cost;
  state.done = column.done, state.out_of_budget = column.done && column.short_of, state.waits = !column.search;
  const auto back = [&](double at) { return std::exp2(falling_ ? -at : at); };
  if (column.guess) state.guess = back(*column.guess);
  state.high = std::numeric_limits<double>::infinity();
  if (!column.search) return state;
  const LapsingEstimate found = column.search->estimate();
  state.x = back(found.at), state.low = back(found.low), state.high = back(found.high);
  if (falling_) std::swap(state.low, state.high);
  state.monotone = found.monotone;
  for (std::size_t value = 0; value < column.costs.size(); ++value)
    if (const int seeds = column.search->asked(value); seeds > 0 && !std::isinf(column.costs[value]))
      state.probed.emplace_back(back(steps_->at()[value]), seeds);
  return state;
}

std::optional<std::size_t> BoundaryPlan::column_of(std::uint64_t cell) const {
  const auto found = by_base_.find(base_of(cell));
  return found == by_base_.end() ? std::nullopt : std::optional(found->second);
}

bool BoundaryPlan::inferred(std::uint64_t cell) const {
  const auto index = column_of(cell);
  if (!index) return false;
  const Column& column = columns_[*index];
  if (!column.done || column.short_of) return false;
  const LapsingEstimate found = column.search->estimate();
  const std::size_t point = cell / strides_[axis_] % grid_.axes()[axis_].size();
  const auto value = static_cast<std::size_t>(std::ranges::find(order_, point) - order_.begin());
  const double at = steps_->at()[value];
  return found.monotone && !std::isinf(column.costs[value]) && (at <= found.low || at >= found.high);
}

std::uint64_t BoundaryPlan::asked() const {
  std::uint64_t sum = 0;
  for (const Column& column : columns_) sum += column.asked;
  return sum;
}

double BoundaryPlan::cost() const {
  double sum = 0;
  for (const Column& column : columns_) sum += column.cost;
  return sum;
}

std::vector<std::uint64_t> BoundaryPlan::missing() const {
  std::vector<std::uint64_t> cells;
  for (const auto& [cell, column] : awaited_) cells.push_back(cell);
  std::ranges::sort(cells);
  return cells;
}

std::uint64_t BoundaryPlan::cells_left() const {
  double needed = 0, ended = 0, left = 0;
  for (const Column& column : columns_)
    if (column.done) needed += static_cast<double>(column.asked), ++ended;
  const double usual = ended > 0 ? needed / ended : kProbesUsual * static_cast<double>(combinations_.size());
  for (const Column& column : columns_) {
    if (column.done) continue;
    const double rest = std::max(usual - static_cast<double>(column.asked), 1.0);
    left += static_cast<double>(column.missing) + rest;
  }
  const double budget = static_cast<double>(grid_.search().budget);
  if (budget > 0) left = std::min(left, std::max(0.0, budget - static_cast<double>(asked())) + static_cast<double>(awaited_.size()));
  return static_cast<std::uint64_t>(std::llround(left));
}

}  // namespace phasegrid::results::analysis
