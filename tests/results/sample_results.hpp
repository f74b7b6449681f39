// Results whose every field is a simple function of the cell's index, so that another program can check them.
#pragma once
#include <cmath>

#include "sweeps/cell.hpp"

namespace phasegrid::testing {

inline sweeps::CellResult failed_result(std::uint64_t cell, sweeps::Status status, const std::string& reason) {
  sweeps::CellResult result;
  result.index = cell;
  result.status = status;
  result.reason = reason;
  return result;
}

inline sweeps::CellResult sample_result(std::uint64_t cell) {
  const double x = static_cast<double>(cell);
  const auto n = static_cast<std::int64_t>(cell);
  sweeps::CellResult result;
  result.index = cell;
  result.status = sweeps::Status::done;
  result.accuracy = x / 97;
  result.loss = 1 / (x + 3);
  result.accuracy_final = x / 101;
  result.accuracy_validation = x / 103;
  result.examples = 64 * n;
  result.steps = 100 + n;
  result.best_step = 50 + n;
  result.seconds = 0.25 * x;
  result.parameters = 1000 + n;
  result.accuracy_T = {x / 7, sweeps::kNaN};
  result.loss_T = {x / 11, x / 13};
  for (std::int64_t point = 1; point <= n % 4; ++point) {
    const double p = static_cast<double>(point);
    result.curve.push_back({10 * point, p / 9, x + p, x - p});
  }
  if (cell % 2 == 0)
    result.diagnostics.push_back({"decay", {"role", "bin"}, {2, 3}, {x, x + 1, x + 2, -x, -x - 1, sweeps::kNaN}});
  if (cell % 4 == 1) result.diagnostics.push_back({"decay", {"bin"}, {2}, {x, -x}});
  if (cell % 3 == 0) result.diagnostics.push_back({"d_states", {"d", "bin"}, {1, 2}, {x, x + 1}});
  if (cell % 5 == 0) {  // labelled dimensions: cells know different roles, and the second edge from cell 10 on is another one
    const bool late = cell >= 10;
    result.diagnostics.push_back({"near", {"role_name", "edge"}, {2, 2}, {x, x + 1, -x, -x - 1}, {}, "nearness", "m"});
    result.diagnostics.push_back({"role_name", {"role_name"}, {2}, {}, {late ? "query" : "key", "value"}, "role of the token", ""});
    result.diagnostics.push_back({"edge", {"edge"}, {2}, {0.5, late ? 0.25 : 1.5}, {}, "edge", "s"});
  }
  return result;
}

// A training that succeeds from a width of about kappa + log2 nu on; the seeds disagree by a quarter of an octave.
inline sweeps::CellResult step_result(const sweeps::CellSpec& cell) {
  sweeps::CellResult result = sample_result(cell.index);
  const double needed = cell.settings.real("kappa") + std::log2(cell.settings.real("nu"));
  const double luck = std::exp2(0.25 * static_cast<double>(cell.seed % 3 - 1));
  const bool solved = cell.settings.real("d") * luck >= needed;
  result.accuracy = result.accuracy_validation = solved ? 0.995 : 0.3;
  return result;
}

}  // namespace phasegrid::testing
