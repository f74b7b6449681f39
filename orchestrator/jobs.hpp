// The cells of a grid as jobs for the coordinator: those that can exist and have no result yet.
#pragma once
#include <functional>
#include <vector>

#include "orchestrator/coordinator.hpp"
#include "sweeps/grid.hpp"

namespace phasegrid::orchestrator {

struct JobList {
  std::vector<Job> jobs;
  std::vector<std::string> families;      // names: model variants
  std::uint64_t infeasible = 0, kept = 0; // cells that cannot exist; cells whose result is kept
};

// A cell's cost in units of one fused multiply-add or so: counted from its settings alone.
double work(const sweeps::Cost& cost);

// `has_result(cell)`: it need not run again. Shapes are told apart only where packs are wanted (pack > 1).
JobList missing_jobs(const sweeps::Grid& grid, const std::function<bool(std::uint64_t)>& has_result, int pack);

}  // namespace phasegrid::orchestrator
