// The size on the searched axis from which on a theorem's construction exists in a column (docs/theory.md, 3.9).
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sweeps/thresholds.hpp"

namespace phasegrid::results::analysis {

// A theorem's construction that exists in a column, and its size on the searched axis.
struct Exact {
  std::string name, condition, reference;
  double value = 0;
};

struct Sizes {
  double d, N, D;
};

// The first construction of the table, among the thresholds of any cell of the column, that exists at the column's other
// sizes. sizes_at(x): of the column's least cell with at least x on the axis, or of its last one.
std::optional<Exact> exact_size(const std::string& axis, const std::vector<sweeps::Threshold>& all,
                                const std::function<Sizes(double x)>& sizes_at);

// Of a cell; NaN where its task and variant know no such number.
double setting(const sweeps::Settings& settings, const std::string& name);
Sizes sizes_of(const sweeps::Settings& settings);

}  // namespace phasegrid::results::analysis
