// How many cells of one shape train together on a GPU (--pack auto): as many as its memory holds, and no more than keep
// it busy.
//
//   memory      a rehearsal of packs of one and of two models (kernels/device/rehearsal.hpp) counts what a pack has and
//               what each model adds: tables, weights and moments, maps, workspaces, tests at other lengths. What the
//               driver rounds up and keeps for itself is left free. A pack that does not fit after all is split.
//   occupancy   the scan gives every sequence a warp for each 32 channels. A multiprocessor holds between 20 and 64
//               warps of our kernels (docs/gpu.md, 4); kWarps of them on every multiprocessor, kRounds times over, hide
//               its memory's latency, the last round's gaps and the kernels that are too small to fill it. Measured on
//               an H100 (docs/gpu.md, 5).
#pragma once
#include "kernels/device/survey.hpp"
#include "sweeps/cell.hpp"

namespace phasegrid::worker {

constexpr int kLargestPack = 1024;

// Of device memory at a time, while such cells train and are tested; 0 where this program has no CUDA backend.
struct PackBytes {
  std::int64_t fixed = 0, each = 0;  // of a pack, and of each of its models
  std::int64_t of(int models) const { return fixed + models * each; }
};
PackBytes pack_bytes(const sweeps::CellSpec& cell);
int pack_size(const sweeps::CellSpec& cell, const kernels::Gpu& gpu);  // 1 to kLargestPack

}  // namespace phasegrid::worker
