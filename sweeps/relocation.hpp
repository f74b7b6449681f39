// Where the cells of a sweep are in a larger one: a finished sweep is extended by new axis values or new axes, and only
// the new cells are to be trained.
//
//   new index = base + sum over the old axes a of offsets[a][old coordinate along a]
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "sweeps/grid.hpp"

namespace phasegrid::sweeps {

struct Relocation {
  std::uint64_t base = 0;
  std::vector<std::vector<std::uint64_t>> offsets;  // [old axis][point]

  std::uint64_t cells() const;                           // of the old grid
  std::uint64_t operator()(std::uint64_t cell) const;    // cell < cells()
};

// Throws SweepError with the reason where some cell of `before` is not in `now` with exactly the same settings:
// "axes.d: 8 has been trained and is missing now".
Relocation relocate(const Grid& before, const Grid& now);

}  // namespace phasegrid::sweeps
