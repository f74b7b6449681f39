// A gang whose members are threads of this process: for training one cell here, with the bits that a gang of executors gives.
#pragma once
#include "worker/run_pack.hpp"

namespace phasegrid::worker {

// The calling thread is replica 0: it alone asks the observer and shows its pack. Whatever one member throws is thrown here.
sweeps::CellResult run_gang(const sweeps::CellSpec& cell, const Device& device, const Observer& observer, const std::function<void(Pack&)>& keep);

}  // namespace phasegrid::worker
