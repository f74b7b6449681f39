// What theory says must, can and need not hold, against what was trained (docs/analysis.md, section 4).
//
// Hard: a model with q real numbers of state errs at least least_error(q) on average (theory 3.7), so its mean accuracy
// over M independent test sequences exceeds 1 - least_error only by chance:
//
//   p <= exp(-M KL(accuracy || 1 - least_error))          Chernoff's bound, for any mean of numbers in [0, 1]
//
// Holm's step-down over all cells keeps the chance of one false alarm below 0.05. A violation means a bug.
// Hard: cells that are a theorem's weights, untrained, are exact where the theorem holds; R2 to 1e-6.
// Soft: the gap, x* over the construction's size. Above 1 training does not find what exists; below 1 the construction
// is not the smallest: a finding, no error.
#pragma once
#include "results/analysis/transition.hpp"

namespace phasegrid::results::analysis {

struct Violation {
  std::uint64_t cell = 0;
  double state = 0, accuracy = 0, most_accuracy = 0;
  double p = 1;
};

struct HardBound {
  std::size_t cells = 0;   // to which a lower bound applies
  std::size_t tested = 0;  // those with less state than exactness needs
  double least_p = 1;
  std::vector<Violation> violations;
};
HardBound check_hard_bound(const Study& study);

struct ConstructionCheck {
  std::size_t cells = 0;
  std::vector<Violation> inexact;  // most_accuracy: 1
};
ConstructionCheck check_constructions(const Study& study);

struct Ratio {
  double value = sweeps::kNaN, low = 0, high = kInfinity;
};
struct Gap {
  Ratio construction;  // x* / the construction's size; NaN where there is none
  Ratio lower_bound;   // state at x* / the least state of theory 3.7: at least 1
};
Gap find_gap(const Column& column, const Transition& transition);

}  // namespace phasegrid::results::analysis
