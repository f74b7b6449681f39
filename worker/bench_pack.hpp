// How fast a pack trains on a GPU, beside what is counted for it: bytes that its tables move and operations that they need.
//
//   bytes          each number of the tables of a step (values and gradients, at the rows that the batches have) written once
//                  and read once, and 28 bytes a parameter for the optimiser
//   flops          of products, as on the CPU (worker/cost.cpp)
//   exponentials   likewise; a multiprocessor makes 16 a clock
//   floor          the longest of the three, times the models of the pack: launches and everything else come on top
#pragma once
#include "kernels/device/survey.hpp"
#include "worker/run_pack.hpp"

namespace phasegrid::worker {

// Of one training step of one model.
struct GpuFloor {
  double bytes = 0, flops = 0, exponentials = 0;
  double seconds(const kernels::Gpu& gpu) const;
};
GpuFloor gpu_floor(const sweeps::Settings& settings, bool score_all);

struct PackBench {
  int models = 0, packs = 1, steps = 0;              // packs in flight
  double seconds_per_step = 0, tokens_per_step = 0;  // of all models; median over stretches of steps
  // What the host does for a step while the device works, which waits for it if it takes longer: draws the batches and lays them out, or,
  // where the device does that itself, launches the step.
  double host_seconds = 0;
  bool drawn_there = false;
};
// `models` cells that differ from the given one in their seeds, trained for about so many seconds.
PackBench bench_pack(const sweeps::CellSpec& cell, const Device& device, int models, double seconds);

}  // namespace phasegrid::worker
