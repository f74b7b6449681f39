// The device of a verb that trains in its own process.
#pragma once
#include <string>

#include "sweeps/cell.hpp"

namespace phasegrid::orchestrator {

// `device`: auto, cpu, cuda; `kind`: auto, or one of them that this machine runs. auto is what `run` would choose here
// for this cell. Throws SweepError.
std::string local_kind(const std::string& device, const std::string& kind, const sweeps::Settings& settings);

}  // namespace phasegrid::orchestrator
