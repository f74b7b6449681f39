// Of the verb `plan`: what GPUs would do with a sweep.
#pragma once
#include <iosfwd>
#include <string>

#include "sweeps/grid.hpp"

namespace phasegrid::orchestrator {

// Says which variant keeps the sweep on the CPU; with device "cuda" also the GPUs of this machine and the packs that
// --pack auto makes on them.
void print_gpus(const sweeps::Grid& grid, const std::string& device, std::ostream& out);

}  // namespace phasegrid::orchestrator
