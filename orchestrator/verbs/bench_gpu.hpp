// Of the verb `bench train`: a pack on a GPU.
#pragma once
#include <string>

#include "worker/run_pack.hpp"

namespace phasegrid::orchestrator {

// `models`: 0 for as many as --pack auto takes. Returns the exit code.
int bench_gpu(const sweeps::CellSpec& cell, const worker::Device& device, int models, double seconds, bool score_all,
              bool json);

}  // namespace phasegrid::orchestrator
