// Of a boundary search: what lies on the listed values of the searched axis, as a sweep of these values alone. Cells that
// finished columns have concluded without training are there as `inferred`. What lies between is in /trials only.
#pragma once
#include "results/run_folder.hpp"

namespace phasegrid::results {

struct ListedPart {
  sweeps::Grid grid;
  RunState state;
};

ListedPart listed_part(const sweeps::Grid& grid, const RunState& state);

}  // namespace phasegrid::results
