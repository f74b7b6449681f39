// [search] mode = "random": the cells of the grid that are trained.
//
// Every cell that can exist has a number, a hash of the search's seed and of the cell's index; those with the n least are
// drawn. So a larger n keeps what a smaller one has drawn.
#pragma once
#include <cstdint>
#include <vector>

#include "sweeps/grid.hpp"

namespace phasegrid::sweeps {

std::vector<std::uint64_t> drawn_cells(const Grid& grid);  // ascending; all that can exist where n is as large

}  // namespace phasegrid::sweeps
