#include "results/analysis/boundary_plan.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "results/analysis/exact_size.hpp"
#include "results/best_value.hpp"
#include "sweeps/cost_model.hpp"
#include "sweeps/thresholds.hpp"

namespace phasegrid::results::analysis {
namespace {

using sweeps::Axis;
using sweeps::Status;

constexpr double kNoLimit = std::numeric_limits<double>::infinity();

double number_of(const sweeps::Value& value) {
  const auto* integer = std::get_if<std::int64_t>(&value);
  return integer ? static_cast<double>(*integer) : std::get<double>(value);
}

}  // namespace

BoundaryPlan::BoundaryPlan(const sweeps::Grid& grid, const sweeps::Shard& shard) : grid_(grid) {
  const std::vector<Axis>& axes = grid.axes();
  const sweeps::Search& search = grid.search();
  assert(search.boundary() && "the sweep asks for a boundary search");
  axis_ = static_cast<std::size_t>(std::ranges::find(axes, search.axis, &Axis::name) - axes.begin());
  seeds_ = axes.back().size();
  strides_.assign(axes.size(), 1);
  for (std::size_t a = axes.size() - 1; a-- > 0;) strides_[a] = strides_[a + 1] * axes[a + 1].size();

  const int key = grid.schema().find(search.axis);
  falling_ = grid.schema().keys[static_cast<std::size_t>(key)].section == sweeps::Section::task;
  std::vector<double> at;
  for (const auto& point : axes[axis_].values) at.push_back((falling_ ? -1 : 1) * std::log2(number_of(point[0])));
  for (std::size_t i = 0; i < at.size(); ++i) order_.push_back(i);
  std::ranges::sort(order_, {}, [&](std::size_t i) { return at[i]; });
  std::ranges::sort(at);
  steps_ = std::make_shared<const LapsingSteps>(std::move(at));
  combinations_ = {0};
  for (std::size_t a = 0; a < axes.size(); ++a) {
    if (!axes[a].reduce) continue;
    std::vector<std::uint64_t> more;
    for (const std::uint64_t offset : combinations_)
      for (std::size_t i = 0; i < axes[a].size(); ++i) more.push_back(offset + i * strides_[a]);
    combinations_ = std::move(more);
  }
  find_columns(shard);
}

// One pass over the grid: what each probe costs, and in which columns one is possible at all.
void BoundaryPlan::find_columns(const sweeps::Shard& shard) {
  const auto& cost = grid_.schema().cost;
  std::vector<double> costs;  // of groups of cells that differ in the seed only
  costs.reserve(grid_.size() / seeds_);
  grid_.visit_groups([&](std::uint64_t, const sweeps::Settings& settings, const std::string& reason) {
    costs.push_back(reason.empty() ? sweeps::counted_cost(cost(settings)) : kNoLimit);
  });
  std::uint64_t all = 0;
  const std::size_t points = grid_.axes()[axis_].size();
  for (std::uint64_t cell = 0; cell < grid_.size(); cell += seeds_) {
    if (base_of(cell) != cell) continue;
    Column column;
    column.base = cell;
    for (const std::size_t point : order_) {
      double sum = 0;
      for (const std::uint64_t offset : combinations_)
        sum += costs[(cell + point * strides_[axis_] + offset) / seeds_];
      column.costs.push_back(sum);
    }
    if (std::ranges::count(column.costs, kNoLimit) == static_cast<std::ptrdiff_t>(points)) continue;
    if (!shard.has(all++)) continue;
    by_base_[cell] = columns_.size();
    columns_.push_back(std::move(column));
  }
  const sweeps::Search& search = grid_.search();
  const double share = 1 / static_cast<double>(std::max<std::uint64_t>(all, 1));
  options_.tolerance = search.tolerance, options_.least_information = least_information(search.tolerance);
  options_.probes_per_round = static_cast<int>(std::ceil(static_cast<double>(search.probes_per_round) * share - 1e-9));
  for (Column& column : columns_) {
    column.label = label_of(column.base);
    column.guess = theory_guess(column);
    const double cells = static_cast<double>(search.budget) / static_cast<double>(combinations_.size());
    if (search.budget > 0) column.left.probes = cells * share;
    if (search.budget_cost > 0) column.left.cost = search.budget_cost * share;
  }
  find_parents();
  for (std::size_t i = 0; i < columns_.size(); ++i)
    if (columns_[i].parent < 0) ready_.push_back(i);
}

// The cell of the column at the first value, the first seed and the first of the reduced values.
std::uint64_t BoundaryPlan::base_of(std::uint64_t cell) const {
  const auto& axes = grid_.axes();
  for (std::size_t a = 0; a < axes.size(); ++a)
    if (a == axis_ || axes[a].reduce || a + 1 == axes.size()) cell -= cell / strides_[a] % axes[a].size() * strides_[a];
  return cell;
}

std::string BoundaryPlan::label_of(std::uint64_t base) const {
  const auto& axes = grid_.axes();
  std::string text;
  for (std::size_t a = 0; a + 1 < axes.size(); ++a) {
    if (a == axis_ || axes[a].reduce || axes[a].size() < 2) continue;
    const auto& point = axes[a].values[base / strides_[a] % axes[a].size()];
    for (std::size_t k = 0; k < axes[a].keys.size(); ++k) {
      const auto* word = std::get_if<std::string>(&point[k]);
      text += (text.empty() ? "" : " ") + axes[a].keys[k] + "=" + (word ? *word : sweeps::to_text(point[k]));
    }
  }
  return text;
}

// The size from which on a theorem's construction exists in the column.
std::optional<double> BoundaryPlan::theory_guess(const Column& column) const {
  const auto settings_at = [&](std::size_t value) {
    return grid_.cell(column.base + order_[value] * strides_[axis_]).settings;
  };
  const auto usable = [&](std::size_t value) { return !std::isinf(column.costs[value]); };
  std::size_t first = 0;
  while (!usable(first)) ++first;
  const auto exact = exact_size(grid_.search().axis, sweeps::thresholds(settings_at(first)), [&](double x) {
    std::size_t there = first;
    for (std::size_t value = 0; value < order_.size(); ++value)
      if (usable(value) && (there = value, steps_->at()[value] >= std::log2(x))) break;
    return sizes_of(settings_at(there));
  });
  return exact && !falling_ ? std::optional(std::log2(exact->value)) : std::nullopt;
}

// Neighbours along the axis of what a task asks for: the middle one first, then the middles of both halves, and so on.
void BoundaryPlan::find_parents() {
  const auto& axes = grid_.axes();
  std::size_t chain = axes.size();
  for (std::size_t a = 0; a + 1 < axes.size(); ++a) {
    static const std::vector<std::string> demands = {"kappa", "nu", "pairs", "vocab", "T", "n"};
    const bool asks = std::ranges::count(demands, axes[a].name) > 0 && a != axis_ && !axes[a].expressions;
    if (asks && axes[a].size() > 1 && (chain == axes.size() || axes[a].size() > axes[chain].size())) chain = a;
  }
  if (chain == axes.size()) return;
  for (Column& column : columns_) {
    if (column.guess) continue;
    const std::size_t place = column.base / strides_[chain] % axes[chain].size();
    std::size_t low = 0, high = axes[chain].size();
    for (std::size_t middle = (low + high) / 2; middle != place; middle = (low + high) / 2) {
      const auto there = by_base_.find(column.base + (middle - place) * strides_[chain]);  // unsigned: wraps and back
      if (there != by_base_.end()) column.parent = static_cast<int>(there->second);
      (place < middle ? high : low) = place < middle ? middle : middle + 1;
    }
  }
}

void BoundaryPlan::know(const sweeps::CellResult& result) {
  if (result.status == Status::pending || result.status == Status::inferred) return;
  const bool done = result.status == Status::done && !std::isnan(result.accuracy);
  known_[result.index] = {done || result.status == Status::diverged, done ? result.accuracy : 0,
                          done ? result.accuracy_validation : sweeps::kNaN};
  const auto awaited = awaited_.find(result.index);
  if (awaited == awaited_.end()) return;
  Column& column = columns_[awaited->second];
  if (--column.missing == 0) ready_.push_back(awaited->second);
  awaited_.erase(awaited);
}

std::uint64_t BoundaryPlan::cell_of(const Column& column, std::size_t value, int seed, std::size_t combination) const {
  return column.base + order_[value] * strides_[axis_] + combinations_[combination] + static_cast<std::uint64_t>(seed);
}

// Of several reduced values the one with the best validation accuracy, averaged over all seeds so far, counts.
Trials BoundaryPlan::trials_at(const Column& column, std::size_t value) const {
  const int seeds = column.search->asked(value);
  std::vector<Trials> all(combinations_.size());
  std::vector<std::optional<Validation>> validations;
  for (std::size_t combination = 0; combination < combinations_.size(); ++combination) {
    Validation validation;
    for (int seed = 0; seed < seeds; ++seed) {
      const Outcome& outcome = known_.at(cell_of(column, value, seed, combination));
      ++validation.seeds;
      if (std::isnan(outcome.validation)) ++validation.without;
      else validation.sum += outcome.validation, validation.lowest = std::min(validation.lowest, outcome.validation);
      all[combination].made += outcome.counts;
      all[combination].successes += outcome.counts && outcome.accuracy >= grid_.search().level;
    }
    validations.push_back(validation.without < validation.seeds ? std::optional(validation) : std::nullopt);
  }
  return all[combinations_.size() > 1 ? best_of(validations).value_or(0) : 0];
}

void BoundaryPlan::conclude(Column& column) {
  for (const Probe& probe : column.open) column.search->outcomes(probe.value, trials_at(column, probe.value));
  column.open.clear();
}

// Goes on with a column until it waits for cells or has ended.
void BoundaryPlan::step(std::size_t index, std::vector<std::uint64_t>& fresh) {
  Column& column = columns_[index];
  if (!column.search) {
    if (column.parent >= 0) column.guess = columns_[static_cast<std::size_t>(column.parent)].search->estimate().at;
    column.search.emplace(steps_, column.costs, static_cast<int>(seeds_), column.guess, options_);
  }
  do {
    conclude(column);
    column.open = column.search->next_round(column.left);
    column.short_of = column.search->short_of() && column.open.empty();
    column.done = column.open.empty() && !column.short_of;
    for (const Probe& probe : column.open) {
      column.left.probes -= 1, column.left.cost -= column.costs[probe.value];
      column.cost += column.costs[probe.value];
      for (std::size_t combination = 0; combination < combinations_.size(); ++combination) {
        const std::uint64_t cell = cell_of(column, probe.value, probe.seed, combination);
        ++column.asked;
        if (known_.contains(cell)) continue;
        ++column.missing;
        awaited_[cell] = index;
        fresh.push_back(cell);
      }
    }
  } while (!column.open.empty() && column.missing == 0);
  if (!column.open.empty()) return;
  for (std::size_t child = 0; child < columns_.size(); ++child)
    if (columns_[child].parent == static_cast<int>(index) && !columns_[child].search) ready_.push_back(child);
}

// What columns that have ended leave over goes to those that wanted more; the same when it is enough for one only.
bool BoundaryPlan::share_out(std::vector<std::uint64_t>& fresh) {
  Allowance pool{0, 0};
  std::vector<std::size_t> poor;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    pool.probes += columns_[i].left.probes, pool.cost += columns_[i].left.cost;
    columns_[i].left = {0, 0};
    if (columns_[i].short_of) poor.push_back(i);
  }
  if (poor.empty()) return false;
  const auto count = static_cast<double>(poor.size());
  for (const std::size_t i : poor) {
    columns_[i].left = {pool.probes / count, pool.cost / count};
    step(i, fresh);
  }
  const auto went_on = [&](std::size_t i) { return !columns_[i].short_of; };
  if (std::ranges::any_of(poor, went_on)) return true;
  for (const std::size_t i : poor) columns_[i].left = {0, 0};
  for (const std::size_t i : poor) {
    columns_[i].left = pool;
    step(i, fresh);
    if (went_on(i)) return true;
    columns_[i].left = {0, 0};
  }
  for (const std::size_t i : poor) columns_[i].done = true;  // out of budget
  return false;
}

std::vector<std::uint64_t> BoundaryPlan::advance() {
  std::vector<std::uint64_t> fresh;
  do {
    while (!ready_.empty()) {
      const std::size_t index = ready_.back();
      ready_.pop_back();
      step(index, fresh);
    }
  } while (awaited_.empty() && !finished() && share_out(fresh));
  return fresh;
}

bool BoundaryPlan::finished() const { return columns_done() == columns_.size(); }

std::size_t BoundaryPlan::columns_done() const {
  return static_cast<std::size_t>(std::ranges::count(columns_, true, &Column::done));
}

}  // namespace phasegrid::results::analysis
