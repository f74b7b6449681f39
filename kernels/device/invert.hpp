// Inverses of maps that the device has filled itself: who points at each row, in ascending order (access.hpp, Readers).
#pragma once
#include <cstdint>

namespace phasegrid::kernels::cuda {

// One map of all models. table: M maps, M starts, M entries; map m has rows[m] each entries below targets[m], or below 0 for nothing.
struct Inversion {
  const std::int32_t* const* table;
  const std::int32_t *rows, *targets;  // targets null: most_targets of every model
  std::int32_t most_targets, each;
};

// `list`: on the device; longest: entries of the longest map.
void invert_maps(const Inversion* list, int count, int models, std::int64_t longest);

}  // namespace phasegrid::kernels::cuda
