// What the CUDA backend can train.
#pragma once
#include <string>

#include "sweeps/cell.hpp"

namespace phasegrid::worker {

// The first operation of the cell's network that the backend lacks; "": none, or this build has no backend at all.
std::string lacking_on_gpu(const sweeps::Settings& settings);

}  // namespace phasegrid::worker
