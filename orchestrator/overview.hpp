// How far a run is, from its journals alone: what `top` shows and `report` writes down.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "results/run_folder.hpp"
#include "sweeps/grid.hpp"

namespace phasegrid::orchestrator {

double seconds_of_utc(const std::string& utc);  // since 1970; NaN where the text is no time

bool ended_without_result(const results::Attempt& attempt);   // it crashed, or was stopped for taking too long

struct Overview {
  std::uint64_t cells = 0, recorded = 0, missing = 0, infeasible = 0, failed = 0;  // of the folder's shard
  std::uint64_t left = 0;  // cells to train to the end: those missing, of a boundary search a guess
  std::string search;      // how far a boundary search is; "" in other modes
  std::array<std::uint64_t, 8> by_status{};
  struct Failure {
    std::string reason;
    std::uint64_t cells = 0, example = 0;
  };
  std::vector<Failure> failures;                  // equal but for numbers together, the most frequent first
  std::vector<const results::Attempt*> running;   // into the state that was read; the longest first
  std::vector<const results::Attempt*> finished;  // attempts with an end, in the order of their ends
  std::uint64_t crashes = 0, interrupted = 0;   // crashes: attempts that ended without a result
  double best_accuracy = sweeps::kNaN;
  std::uint64_t best_cell = 0;
  double cells_per_second = 0;                 // of the last results
  double seconds_left = 0, seconds_error = 0;  // at this speed; its error from the number of results that it is from
};

Overview overview(const sweeps::Grid& grid, const results::RunState& state);

}  // namespace phasegrid::orchestrator
