// The device of a verb that trains in its own process.
#pragma once
#include <string>

#include "sweeps/cell.hpp"

namespace phasegrid::orchestrator {

// `device`: auto, cpu, cuda; `kind`: auto, or one of them that this machine runs. auto is what `run` would choose here
// for this cell. Throws SweepError.
std::string local_kind(const std::string& device, const std::string& kind, const sweeps::Settings& settings);

// --fast-gemm: "sm_90" becomes "sm_90+cublas", a CPU's kind an error. require_cublas() is for the beginning, where the kind is not
// known yet. Both throw SweepError.
void require_cublas();
std::string with_fast_gemm(const std::string& kind);

}  // namespace phasegrid::orchestrator
