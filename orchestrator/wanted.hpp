// The cells that a run is for: all of the grid, those that a random search draws, or those that a boundary search has
// asked for so far; of the folder's shard.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "results/analysis/boundary_plan.hpp"
#include "results/run_folder.hpp"
#include "sweeps/grid.hpp"

namespace phasegrid::orchestrator {

class Wanted {
 public:
  // Replays a boundary search from the results. The grid must outlive this.
  Wanted(const sweeps::Grid& grid, const results::RunState& state);

  // Every wanted cell, and whether it can exist.
  void visit(const std::function<void(std::uint64_t cell, bool possible)>& f) const;
  bool has(std::uint64_t cell) const;
  std::string why_not(std::uint64_t cell) const;  // in words, of a cell that is not wanted and has no result
  const results::analysis::BoundaryPlan* search() const { return plan_.get(); }  // null in other modes

 private:
  const sweeps::Grid& grid_;
  sweeps::Shard shard_;
  std::unique_ptr<results::analysis::BoundaryPlan> plan_;
  std::vector<std::uint64_t> cells_;  // ascending, where not the whole grid is wanted
};

// "5 of 12 columns found, about 80 cells to go"
std::string search_text(const results::analysis::BoundaryPlan& plan);

}  // namespace phasegrid::orchestrator
