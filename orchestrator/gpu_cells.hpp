// Which cells of a sweep a GPU cannot train.
#pragma once
#include <string>

#include "sweeps/grid.hpp"

namespace phasegrid::orchestrator {

// "variant s4 (operation s4_kernel)": the first whose operations the CUDA backend lacks, or whose gang has no NCCL; "": every
// cell runs there, or there is no backend.
std::string cells_without_gpu(const sweeps::Grid& grid);

}  // namespace phasegrid::orchestrator
