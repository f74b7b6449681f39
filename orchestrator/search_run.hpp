// A boundary search while it runs: results in, the next cells as jobs out, and what to say about it.
#pragma once
#include <string>
#include <vector>

#include "orchestrator/jobs.hpp"
#include "results/analysis/boundary_plan.hpp"
#include "results/run_folder.hpp"

namespace phasegrid::orchestrator {

class SearchRun {
 public:
  SearchRun(const sweeps::Grid& grid, const sweeps::Shard& shard, const sweeps::Rates& rates, int pack,
            PackSize pack_size = {});

  // What earlier lives have found, and the jobs that follow from it. took: as in missing_jobs; results for which it
  // gives none are to be trained again.
  JobList begin(const results::RunState& state,
                const std::function<std::optional<Took>(std::uint64_t)>& took);
  std::vector<Job> told(const sweeps::CellResult& result);
  std::vector<std::string> news();  // columns that were found since the last call
  std::string text() const;         // "5 of 12 columns found, about 80 cells to go"
  Eta left(double mean_seconds, std::size_t slots) const;  // to the end of the search, by what a cell has taken so far

 private:
  std::vector<Job> jobs(const std::vector<std::uint64_t>& cells);

  const sweeps::Grid& grid_;
  JobMaker make_;
  results::analysis::BoundaryPlan plan_;
  std::vector<bool> said_;  // by column
};

}  // namespace phasegrid::orchestrator
