// What was measured, over all axes; and for reduce = "max" the best along the reduced axes.

#include <algorithm>

#include "results/results_parts.hpp"

namespace phasegrid::results {
namespace {

using sweeps::CellResult;
using sweeps::kNaN;
using sweeps::Status;

constexpr Status kStatuses[] = {Status::pending, Status::done,    Status::diverged,   Status::out_of_memory,
                                Status::failed,  Status::timeout, Status::infeasible, Status::inferred};

bool is_trained(const CellResult& result) {
  return result.status != Status::pending && result.status != Status::infeasible && result.status != Status::inferred;
}

Array status_column(const Known& known) {
  std::vector<std::int8_t> status(known.cells.size());
  const sweeps::Grid& grid = known.cube.grid();
  const std::size_t seeds = grid.axes().back().size();
  grid.visit_groups([&](std::uint64_t first, const sweeps::Settings&, const std::string& reason) {
    const Status unknown = reason.empty() ? Status::pending : Status::infeasible;
    for (std::size_t cell = first; cell < first + seeds; ++cell) {
      const CellResult* result = known.cells[cell];
      status[cell] = static_cast<std::int8_t>(result && result->status != Status::pending ? result->status : unknown);
    }
  });
  return status;
}

Array attempts_column(const Known& known) {
  std::vector<std::int32_t> attempts(known.cells.size(), 0);
  for (const Attempt& attempt : known.state.attempts)
    if (attempt.cell < attempts.size()) ++attempts[attempt.cell];
  return attempts;
}

void write_by_length(NetcdfGroup& root, const Known& known, const char* name, const char* long_name, const char* units,
                     std::vector<double> CellResult::*member) {
  std::vector<std::string> dims = known.cube.names();
  dims.push_back("T_eval");
  const std::size_t lengths = known.cube.grid().eval_T().size();
  root.variable(name, dims,
                [&](std::size_t first, std::span<double> out) {
                  for (std::size_t i = 0; i < out.size(); ++i) {
                    const CellResult* result = known.cells[(first + i) / lengths];
                    const std::size_t which = (first + i) % lengths;
                    out[i] = result && which < (result->*member).size() ? (result->*member)[which] : kNaN;
                  }
                },
                {{"long_name", long_name}, {"units", units}});
}

constexpr const char* kScore = "of regressions: R2, one minus the share of the targets' variance that is left";
constexpr const char* kLoss = "of regressions: mean squared error, in squared units of the targets";

}  // namespace

Attributes attributes_of(const Quantity& quantity, const Regressions& regressions) {
  const std::string name = quantity.name;
  const bool loss = name == "loss";
  Attributes attributes{{"long_name", quantity.long_name}, {"units", loss ? regressions.loss_units() : quantity.units}};
  if (!regressions.cells.empty() && (loss || name.starts_with("accuracy"))) attributes.push_back({"comment", loss ? kLoss : kScore});
  return attributes;
}

Regressions find_regressions(const sweeps::Grid& grid) {
  const auto asks_for_numbers = [&](const std::string& name) {
    const sweeps::Choice* task = grid.schema().task(name);
    return task && task->regression;
  };
  Regressions found;
  if (std::ranges::none_of(grid.tasks(), asks_for_numbers)) return found;
  found.all = true;
  found.cells.assign(grid.size(), false);
  const std::size_t seeds = grid.axes().back().size();
  grid.visit_groups([&](std::uint64_t first, const sweeps::Settings& settings, const std::string& reason) {
    if (!reason.empty()) return;
    const sweeps::Choice* task = grid.schema().task(settings.word("task"));
    const bool regression = task && task->regression && task->regression(settings);
    found.all &= regression;
    for (std::size_t cell = first; cell < first + seeds; ++cell) found.cells[cell] = regression;
  });
  if (std::ranges::count(found.cells, true) == 0) return {};
  return found;
}

const std::vector<Quantity>& quantities() {
  static const std::vector<Quantity> all = {
      {"accuracy", "test accuracy, weights of the best validation evaluation", "1",
       [](const CellResult& r) { return r.accuracy; }},
      {"loss", "test loss, weights of the best validation evaluation", "nat",
       [](const CellResult& r) { return r.loss; }},
      {"accuracy_final", "test accuracy, weights of the last step", "1",
       [](const CellResult& r) { return r.accuracy_final; }},
      {"accuracy_validation", "validation accuracy of the best evaluation", "1",
       [](const CellResult& r) { return r.accuracy_validation; }},
      {"examples", "training sequences seen", "1",
       [](const CellResult& r) { return is_trained(r) ? static_cast<double>(r.examples) : kNaN; }},
      {"best_step", "step of the best validation evaluation", "1",
       [](const CellResult& r) { return is_trained(r) ? static_cast<double>(r.best_step) : kNaN; }},
      {"steps", "training steps done", "1",
       [](const CellResult& r) { return is_trained(r) ? static_cast<double>(r.steps) : kNaN; }},
      {"seconds", "wall time of training and evaluation", "s",
       [](const CellResult& r) { return is_trained(r) ? r.seconds : kNaN; }},
      {"parameters", "trainable numbers of the model", "1",
       [](const CellResult& r) { return is_trained(r) ? static_cast<double>(r.parameters) : kNaN; }},
  };
  return all;
}

Attributes status_attributes() {
  std::vector<std::int8_t> values;
  std::string meanings;
  for (const Status status : kStatuses) {
    values.push_back(static_cast<std::int8_t>(status));
    if (!meanings.empty()) meanings += ' ';
    meanings += sweeps::to_text(status);
  }
  return {{"long_name", "what became of the cell"}, {"flag_values", values}, {"flag_meanings", meanings}};
}

void write_origins(NetcdfGroup& root, const Known& known) {
  std::vector<std::int32_t> versions(known.cells.size(), 0);
  std::vector<std::string> kinds(known.cells.size());
  for (std::size_t cell = 0; cell < known.cells.size(); ++cell) {
    if (!known.cells[cell]) continue;
    const Origin& origin = known.state.origin(cell);
    versions[cell] = origin.numerics_version;
    kinds[cell] = origin.device_kind;
  }
  const std::vector<std::string> dims = known.cube.names();
  root.variable("cell_numerics_version", dims, versions,
                {{"long_name", "numerics version with which the cell was trained; 0: it was not"}, {"units", "1"}});
  root.variable("cell_device_kind", dims, kinds,
                {{"long_name", "device kind on which the cell was trained; empty: it was not"}});
}

void write_measured(NetcdfGroup& root, const Known& known) {
  const std::vector<std::string> dims = known.cube.names();
  for (const Quantity& quantity : quantities())
    root.variable(quantity.name, dims,
                  [&](std::size_t first, std::span<double> out) {
                    for (std::size_t i = 0; i < out.size(); ++i) {
                      const CellResult* result = known.cells[first + i];
                      out[i] = result ? quantity.of(*result) : kNaN;
                    }
                  },
                  attributes_of(quantity, known.regressions));
  if (!known.regressions.cells.empty())
    root.variable("r2", dims,
                  [&](std::size_t first, std::span<double> out) {
                    for (std::size_t i = 0; i < out.size(); ++i) out[i] = known.regressions.r2(known.cells[first + i]);
                  },
                  {{"long_name", kR2}, {"units", "1"}});
  root.variable("status", dims, status_column(known), status_attributes());
  root.variable("attempts", dims, attempts_column(known),
                {{"long_name", "attempts at training the cell"}, {"units", "1"}});

  const std::vector<int>& lengths = known.cube.grid().eval_T();
  if (lengths.empty()) return;
  root.coordinate("T_eval", std::vector<std::int64_t>(lengths.begin(), lengths.end()),
                  {{"long_name", "length of the test sequences"}});
  write_by_length(root, known, "accuracy_T", "test accuracy on sequences of length T_eval", "1",
                  &CellResult::accuracy_T);
  write_by_length(root, known, "loss_T", "test loss on sequences of length T_eval", known.regressions.loss_units(), &CellResult::loss_T);
}

}  // namespace phasegrid::results
