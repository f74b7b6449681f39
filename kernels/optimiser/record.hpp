// What training says about a model between two looks of the host: kept where the model is, so that a step needs no
// answer.
//
// A loss that is no number freezes the model in that very step: its weights stay as they are from then on, whatever its
// later losses.
#pragma once
#include <cstdint>

#include "kernels/hd.hpp"

namespace phasegrid::kernels {

struct LossRecord {
  double sum = 0, last = 0;  // of the losses of `steps` steps, and the last of them
  std::int64_t steps = 0;
  std::int64_t diverged_at = 0;  // the step; 0: it trains
};

inline namespace PHASEGRID_ISA {

// Returns whether the model takes this step.
HD inline bool note(LossRecord& record, double loss, std::int64_t step) {
  if (record.diverged_at > 0) return false;
  record.sum += loss, record.last = loss, ++record.steps;
  if (loss - loss == 0) return true;  // neither infinite nor NaN
  record.diverged_at = step;
  return false;
}

}  // namespace PHASEGRID_ISA

// What an evaluation says about a model: sums over its batches.
struct Tally {
  double loss = 0;
  std::int64_t right = 0;
};

}  // namespace phasegrid::kernels
