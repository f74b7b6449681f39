// reduce = "max": the best value along the reduced axes, as the field reports it, without peeking at the test set.
//
// One value per column (all axes but the reduced ones and the seed), for all its seeds together: the one whose
// validation accuracy, averaged over the seeds, is highest. A seed that ended without one (diverged, failed) counts as
// 0 in this choice, or as the lowest seed of all values compared where that is negative: an R2 below 0 is still more
// than no model. A value with a pending seed is not yet a candidate, and of equals the first listed wins.
#include <algorithm>
#include <cmath>
#include <optional>

#include "results/best_value.hpp"
#include "results/results_parts.hpp"

namespace phasegrid::results {
using sweeps::CellResult;
using sweeps::Status;

std::optional<Validation> validation_of(std::span<const CellResult* const> seeds) {
  Validation all;
  for (const CellResult* result : seeds) {
    if (!result || result->status == Status::pending) return std::nullopt;
    ++all.seeds;
    const double accuracy = result->status == Status::done ? result->accuracy_validation : sweeps::kNaN;
    if (std::isnan(accuracy)) ++all.without;
    else all.sum += accuracy, all.lowest = std::min(all.lowest, accuracy);
  }
  if (all.without == all.seeds) return std::nullopt;
  return all;
}

std::optional<std::size_t> best_of(std::span<const std::optional<Validation>> values) {
  double lowest = 0;
  for (const auto& value : values)
    if (value) lowest = std::min(lowest, value->lowest);
  std::optional<std::size_t> best;
  double best_mean = 0;
  for (std::size_t place = 0; place < values.size(); ++place) {
    if (!values[place]) continue;
    const Validation& value = *values[place];
    const double mean = (value.sum + static_cast<double>(value.without) * lowest) / static_cast<double>(value.seeds);
    if (!best || mean > best_mean) best = place, best_mean = mean;
  }
  return best;
}

void write_best(NetcdfGroup& root, const Known& known) {
  const Cube& cube = known.cube;
  const auto reduced = cube.dims_without([](const sweeps::Axis& axis) { return !axis.reduce; });
  if (reduced.empty()) return;
  const auto columns = cube.dims_without([](const sweeps::Axis& axis) { return axis.reduce || axis.name == "seed"; });
  const auto seed = cube.dims_without([](const sweeps::Axis& axis) { return axis.name != "seed"; });
  const auto kept = cube.dims_without([](const sweeps::Axis& axis) { return axis.reduce; });
  const std::size_t seeds = cube.size_of(seed), seed_stride = seed.empty() ? 0 : cube.dims()[seed[0]].stride;

  constexpr std::size_t kNone = ~std::size_t{0};
  std::vector<const CellResult*> of_seeds(seeds);
  std::vector<std::optional<Validation>> values(cube.size_of(reduced));
  std::vector<std::size_t> choice(cube.size_of(columns), kNone);  // a place along the reduced dimensions
  for (std::size_t column = 0; column < choice.size(); ++column) {
    for (std::size_t place = 0; place < values.size(); ++place) {
      const std::size_t first = cube.cell_at(column, columns) + cube.cell_at(place, reduced);
      for (std::size_t k = 0; k < seeds; ++k) of_seeds[k] = known.cells[first + k * seed_stride];
      values[place] = validation_of(of_seeds);
    }
    choice[column] = best_of(values).value_or(kNone);
  }

  std::vector<double> accuracy(cube.size_of(kept), sweeps::kNaN);
  for (std::size_t place = 0; place < accuracy.size(); ++place) {
    const std::size_t cell = cube.cell_at(place, kept), chosen = choice[cube.place_of(cell, columns)];
    const CellResult* result = chosen == kNone ? nullptr : known.cells[cell + cube.cell_at(chosen, reduced)];
    if (result) accuracy[place] = result->accuracy;
  }
  std::string over;
  for (const std::string& name : cube.names(reduced)) over += (over.empty() ? "" : ", ") + name;
  root.variable("accuracy_best", cube.names(kept), accuracy,
                {{"long_name", "test accuracy at the best " + over}, {"units", "1"}, {"comment", kBestValueRule}});

  for (const std::size_t dim : reduced) {
    const Array labels = cube.labels(dim);
    const Array best = std::visit(
        [&](const auto& values) -> Array {
          const auto pick = [&](auto none, auto convert) {
            std::vector<decltype(none)> out;
            for (const std::size_t chosen : choice)
              out.push_back(chosen == kNone ? none
                                            : convert(values[cube.coordinate(cube.cell_at(chosen, reduced), dim)]));
            return out;
          };
          if constexpr (std::is_same_v<std::decay_t<decltype(values[0])>, std::string>)
            return pick(std::string(), [](const std::string& word) { return word; });
          else return pick(sweeps::kNaN, [](auto number) { return static_cast<double>(number); });
        },
        labels);
    const std::string& name = cube.dims()[dim].name;
    root.variable(name + "_best", cube.names(columns), best, {{"long_name", "the best " + name}, {"comment", kBestValueRule}});
  }
}

}  // namespace phasegrid::results
