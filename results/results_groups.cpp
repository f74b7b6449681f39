// Groups of a results file: /trials, one row for each result, and /curves, what was measured while training.
#include <algorithm>
#include <set>

#include "results/results_parts.hpp"

namespace phasegrid::results {
namespace {

using sweeps::CellResult;
using sweeps::CurvePoint;
using sweeps::kNaN;

std::vector<const CellResult*> sorted_results(const Cube& cube, const RunState& state) {
  std::vector<const CellResult*> rows;
  for (const auto& [cell, result] : state.results)
    if (cell < cube.cells()) rows.push_back(&result);
  std::ranges::sort(rows, {}, &CellResult::index);
  return rows;
}

}  // namespace

void write_trials(NetcdfGroup group, const Cube& cube, const RunState& state, const Regressions& regressions) {
  const std::vector<const CellResult*> rows = sorted_results(cube, state);
  std::vector<std::int64_t> cells;
  for (const CellResult* row : rows) cells.push_back(static_cast<std::int64_t>(row->index));
  group.coordinate("trial", cells, {{"long_name", "cell of the grid"}});

  std::string names;
  for (std::size_t dim = 0; dim < cube.dims().size(); ++dim) {
    const Array column = std::visit(
        [&](const auto& labels) -> Array {
          std::decay_t<decltype(labels)> out;
          for (const CellResult* row : rows) out.push_back(labels[cube.coordinate(row->index, dim)]);
          return out;
        },
        cube.labels(dim));
    const std::string& name = cube.dims()[dim].name;
    group.variable(name, {"trial"}, column, cube.label_attributes(dim));
    names += (names.empty() ? "" : " ") + name;
  }
  group.attributes({{"coordinates", names}});

  for (const Quantity& quantity : quantities()) {
    std::vector<double> values;
    for (const CellResult* row : rows) values.push_back(quantity.of(*row));
    group.variable(quantity.name, {"trial"}, values, attributes_of(quantity, regressions));
  }
  if (!regressions.cells.empty()) {
    std::vector<double> r2;
    for (const CellResult* row : rows) r2.push_back(regressions.r2(row));
    group.variable("r2", {"trial"}, r2, {{"long_name", kR2}, {"units", "1"}});
  }
  std::vector<std::int8_t> status;
  for (const CellResult* row : rows) status.push_back(static_cast<std::int8_t>(row->status));
  group.variable("status", {"trial"}, status, status_attributes());
}

void write_curves(NetcdfGroup group, const Known& known) {
  std::set<std::int64_t> all;
  for (const CellResult* result : known.cells)
    if (result)
      for (const CurvePoint& point : result->curve) all.insert(point.step);
  const std::vector<std::int64_t> steps(all.begin(), all.end());
  known.cube.write_dimensions(group);
  group.coordinate("step", steps, {{"long_name", "training step"}});
  std::vector<std::string> dims = known.cube.names();
  dims.push_back("step");

  const auto write = [&](const char* name, const char* long_name, const char* units, double CurvePoint::*member) {
    group.variable(name, dims,
                   [&](std::size_t first, std::span<double> out) {
                     std::ranges::fill(out, kNaN);
                     const std::size_t last = first + out.size();
                     for (std::size_t cell = first / steps.size(); cell * steps.size() < last; ++cell) {
                       if (!known.cells[cell]) continue;
                       for (const CurvePoint& point : known.cells[cell]->curve) {
                         const auto place =
                             cell * steps.size() +
                             static_cast<std::size_t>(std::ranges::lower_bound(steps, point.step) - steps.begin());
                         if (place >= first && place < last) out[place - first] = point.*member;
                       }
                     }
                   },
                   {{"long_name", long_name}, {"units", units}});
  };
  write("accuracy", "validation accuracy", "1", &CurvePoint::accuracy);
  const char* units = known.regressions.loss_units();
  write("loss", "validation loss", units, &CurvePoint::loss);
  write("train_loss", "training loss, mean since the step before", units, &CurvePoint::train_loss);
}

}  // namespace phasegrid::results
