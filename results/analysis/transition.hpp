// Where success sets in along the searched axis, for each column and level (docs/analysis.md, section 2).
#pragma once
#include <cstdint>
#include <vector>

#include "results/analysis/lapsing_step.hpp"
#include "results/analysis/study.hpp"

namespace phasegrid::results::analysis {

// 2 (l - l(m)) up to this belongs to the interval. 3.84, the usual one, covers 0.88 to 0.93 of the time with 5 seeds on
// a half-octave grid; this covers 0.92 to 0.95 (tests/analysis/coverage_test.py).
constexpr double kCut = 5.0;

// Bits: on which sides of the tested values the transition may lie.
enum Censored : std::int8_t { inside = 0, below = 1, above = 2, unknown = 3 };

struct Transition {
  double x = sweeps::kNaN;           // the estimate; NaN when it lies beyond the tested values
  double low = 0, high = kInfinity;  // 0 or infinity: open, the data do not bound it on this side
  double slope = sweeps::kNaN;       // octaves; kSteepest: as sharp as can be seen
  std::int8_t censored = unknown;
  double bootstrap_low = sweeps::kNaN, bootstrap_high = sweeps::kNaN;  // 0.025 and 0.975 quantiles over resampled seeds
  double log2_x = sweeps::kNaN;  // as estimated, also beyond the tested values; +-infinity if every seed agrees
};

// `replicates` resamplings of the seeds within each point; 0: none.
Transition find_transition(const Study& study, const Column& column, double level, int replicates);

}  // namespace phasegrid::results::analysis
