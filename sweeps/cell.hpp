// One cell of the grid: what is to be trained (CellSpec) and what came out of it (CellResult).
#pragma once
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "sweeps/settings.hpp"

namespace phasegrid::sweeps {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct CellSpec {
  std::uint64_t index = 0;      // its place in the grid (row-major over the axes)
  Settings settings;            // every key resolved
  std::int64_t seed = 0;
  std::vector<int> eval_T;      // lengths at which the trained model is tested besides its own; empty: none
};

// Stored as int8 in results.h5 in this order (flag_values, flag_meanings).
enum class Status : std::int8_t { pending, done, diverged, out_of_memory, failed, timeout, infeasible, inferred };
const char* to_text(Status status);
Status status_from_text(std::string_view text);

// A named array with labelled axes: diagnostics, weights. One of a single dimension that has the dimension's name holds its
// labels, as numbers or as text.
struct LabelledArray {
  std::string name;
  std::vector<std::string> dims;
  std::vector<std::size_t> shape;
  std::vector<double> data;         // row-major
  std::vector<std::string> text;    // labels of a dimension, instead of data
  std::string long_name, units;     // for readers of results; may be empty
};

struct CurvePoint {
  std::int64_t step;
  double accuracy, loss;        // on the validation set
  double train_loss;            // mean since the point before
};

struct CellResult {
  std::uint64_t index = 0;
  Status status = Status::pending;
  std::string reason;                          // for statuses other than done
  double accuracy = kNaN, loss = kNaN;         // test set, weights of the best validation evaluation
  double accuracy_final = kNaN;                // test set, weights of the last step
  double accuracy_validation = kNaN;           // of the best evaluation: reduce = "max" chooses by it
  std::int64_t examples = 0;                   // training sequences seen
  std::int64_t steps = 0, best_step = 0;
  double seconds = 0;                          // wall time; outside every promise of reproducibility
  std::int64_t parameters = 0;
  std::vector<double> accuracy_T, loss_T;      // at CellSpec::eval_T
  std::vector<CurvePoint> curve;
  std::vector<LabelledArray> diagnostics;
};

}  // namespace phasegrid::sweeps
