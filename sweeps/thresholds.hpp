// What theory says about a cell: the sizes from which on a task can be solved, or below which it cannot.
// Pure functions; formulas, conditions and sources in docs/theory.md (../shared: theory section 3.7 and 3.9).
#pragma once
#include <string>
#include <vector>

#include "sweeps/settings.hpp"

namespace phasegrid::sweeps {

enum class Bound { exact, lower_bound, asymptotic };
const char* to_text(Bound bound);

struct Threshold {
  Bound kind;
  std::string quantity;  // "d", "D", "N" or "state" (real state scalars of the layer)
  double value;
  std::string name;       // "s6_mqar_exact": stable, for readers of results.h5
  std::string condition;  // when it holds
  std::string reference;  // theorem or section
};

// All thresholds that hold for a cell with these settings (d and N of the cell itself are read only where a formula
// needs them).
std::vector<Threshold> thresholds(const Settings& settings);

}  // namespace phasegrid::sweeps
