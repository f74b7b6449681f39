// The centre of the program: trains and evaluates a few cells of one shape.
//
// Everything above this function decides which cells and keeps their results; everything below it is mathematics.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sweeps/cell.hpp"

namespace phasegrid::worker {

// Raised by the fingerprint test whenever a result's bits change. Results of different versions are never mixed unasked.
constexpr int kNumericsVersion = 4;

constexpr int kMostThreads = 256;   // of one cell

struct Device {
  std::string kind;                        // "cpu-portable", "cpu-avx2", "cpu-avx512" or "sm_90"
  int threads = 1;                         // that work on a CPU's operations together; the bits do not depend on it
  int packs_in_flight = 2;                 // on a GPU, 1 or 2, where there are cells enough (flight.hpp); nor on this
};
std::vector<std::string> cpu_kinds();      // those this machine can run, least capable first

struct Progress {
  std::int64_t step, steps;                // of the longest cell of the pack
  double loss;
  const std::function<std::vector<std::string>()>* save = nullptr;   // makes a checkpoint of each cell as it is now (checkpoint.hpp)
  std::size_t models = 0, packs = 0;       // that have a place on the device now, finished ones included
};

// Called between steps; may be empty. Return false to stop the pack: its unfinished cells come back as `pending`, and so do
// finished ones that have not been tested yet.
using Observer = std::function<bool(const Progress&)>;

// The key of packs: cells with equal text may share a pack (same op shapes).
std::string pack_shape(const sweeps::CellSpec& cell);

// All cells must have the same pack_shape. Results in the order of the cells; a cell's bits do not depend on its pack.
// A cell that diverges or does not fit in memory even alone says so in its status; a pack that does not fit is split, and when
// at most half of its cells still train, they move on in a smaller one. Throws only when the device is lost.
// `keep` sees each pack at its end, with the weights of each model's best evaluation.
// A cell with replicas = g > 1 is trained by g members of a gang, each of which calls this with its `replicas`; they all get the same results, but
// only replica 0 records diagnostics. Without `replicas`, g threads of this process are the gang: the same bits.
// `checkpoints`: none, or one for each cell, all of one step (checkpoint.hpp, group_by_step): training goes on from there. Not for gangs.
class Pack;
class Replicas;
std::vector<sweeps::CellResult> run_pack(std::span<const sweeps::CellSpec> cells, const Device& device, const Observer& observer = {},
                                         const std::function<void(Pack&)>& keep = {}, Replicas* replicas = nullptr,
                                         std::span<const std::string> checkpoints = {});

}  // namespace phasegrid::worker
