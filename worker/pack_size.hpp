// How many cells of one shape train together on a GPU (--pack auto): as many as its memory holds, and no more than keep it
// busy.
//
//   memory      the tables of the training and of the evaluating network, the parameters with gradients, moments and best
//               weights, and the maps of a batch are counted; half as much again is kept for the workspace. A pack that does
//               not fit after all is split.
//   occupancy   the scan gives every sequence a warp for each 32 channels. A multiprocessor holds between 20 and 64 warps of
//               our kernels (docs/gpu.md, 4); kWarps of them on every multiprocessor, kRounds times over, hide its memory's
//               latency, the last round's gaps and the kernels that are too small to fill it. Measured on an H100 (docs/gpu.md, 5).
#pragma once
#include "kernels/device/survey.hpp"
#include "sweeps/cell.hpp"

namespace phasegrid::worker {

constexpr int kLargestPack = 1024;

std::int64_t gpu_bytes_per_model(const sweeps::Settings& settings);
int pack_size(const sweeps::Settings& settings, const kernels::Gpu& gpu);  // 1 to kLargestPack

}  // namespace phasegrid::worker
