// The function of the task `piecewise_constant` (piecewise_constant.cpp): jumps on [0, 1), and the levels between them.
#pragma once
#include <vector>

#include "kernels/random.hpp"

namespace phasegrid::tasks {

struct StepFunction {
  std::vector<double> jump;   // ascending, in [0, 1)
  std::vector<double> level;  // one more: before the first jump, .., after the last

  // f((t - 1) / T) for t = 1 .. T: jump j takes effect at the first t with jump[j] T <= t - 1.
  std::vector<double> on_grid(int T) const;
};

// Jumps at independent uniform places, normal levels.
StepFunction draw_step_function(kernels::Random random, int jumps);

// The function that all sequences of a data stream's key share: the one that a cell is asked for.
StepFunction step_function(std::uint64_t data_key, int jumps);

}  // namespace phasegrid::tasks
