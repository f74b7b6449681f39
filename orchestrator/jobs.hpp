// The cells of a grid as jobs for the coordinator: those that can exist and have no result yet.
#pragma once
#include <functional>
#include <optional>
#include <vector>

#include "orchestrator/coordinator.hpp"
#include "sweeps/cost_model.hpp"
#include "sweeps/grid.hpp"
#include "sweeps/shard.hpp"

namespace phasegrid::orchestrator {

struct JobList {
  std::vector<Job> jobs;
  std::vector<std::string> families;      // names: model variants, "mamba x 4" where four replicas train together
  struct Known {
    double cost = 0, seconds = 0;
  };
  std::vector<Known> known;               // by family: kept cells and the time that they took
  std::uint64_t infeasible = 0, kept = 0; // of the shard: cells that cannot exist; cells whose result is kept
};

// `seconds_of(cell)`: how long the training took whose result is kept, 0 if that tells nothing; none: it is to run. A
// job's cost is its predicted seconds at `rates`. Shapes are told apart only where packs are wanted (pack > 1). Cells of
// other shards are no jobs of ours.
JobList missing_jobs(const sweeps::Grid& grid, const sweeps::Rates& rates,
                     const std::function<std::optional<double>(std::uint64_t)>& seconds_of, int pack,
                     const sweeps::Shard& shard);

}  // namespace phasegrid::orchestrator
