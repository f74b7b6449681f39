// How fast one cell trains here, operation by operation, and how far that is from what the machine could do at most.
//
// floor = flops at the measured rate of products in cache + exponentials at theirs + 5 cycles for every vector of 16 states and
// step of the walk, there and back + bytes beyond the second-level cache at memory's rate. docs/performance.md says what is counted.
#pragma once
#include <string>
#include <vector>

#include "worker/run_pack.hpp"
#include "worker/tape.hpp"

namespace phasegrid::worker {

struct Ceilings {
  double flop_rate = 0, exp_rate = 0, cycle_rate = 0, byte_rate = 0;   // per second
};
Ceilings measure_ceilings(const std::string& device_kind);

// Of one training step.
struct Floor {
  double flops = 0, exponentials = 0, state_vectors = 0, bytes = 0;
  double seconds(const Ceilings& ceilings) const;
};
Floor floor_of(const sweeps::Settings& settings, bool score_all);

struct TrainBench {
  int steps = 0;
  double seconds_per_step = 0;                       // median: data, layout, forward, backward, optimiser
  double tokens_per_step = 0;                        // sequences * T, whatever is scored
  double data = 0, layout = 0, optimiser = 0;        // seconds per step, as the rest of the profile: means
  Profile operations;
};

// Trains for about so many seconds, twice: undisturbed for the median, then with a clock around every operation. `score_all`: every
// position is scored, its label the next token, instead of what the task scores.
TrainBench bench_train(const sweeps::CellSpec& cell, const Device& device, double seconds, bool score_all);

}  // namespace phasegrid::worker
