// The cells of a grid as jobs for the coordinator: those that can exist and have no result yet.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "orchestrator/coordinator.hpp"
#include "sweeps/cost_model.hpp"
#include "sweeps/grid.hpp"
#include "sweeps/shard.hpp"

namespace phasegrid::orchestrator {

// How many cells with such settings one pack may have; asked once for each shape. Empty: the policy says it.
using PackSize = std::function<int(const sweeps::Settings&)>;

struct Took {                             // what the training of a cell whose result is kept took
  double seconds = 0;                     // 0: tells nothing
  std::int64_t steps = 0;                 // that it was trained
};

struct JobList {
  std::vector<Job> jobs;
  std::vector<std::string> families;      // names: model variants, "mamba x 4" where four replicas train together
  struct Known {
    double cost = 0, seconds = 0;
    LogRates rates;
  };
  std::vector<Known> known;               // by family: kept cells and the time that they took
  void keep(const Job& job, const Took& took);
  std::uint64_t infeasible = 0, kept = 0; // of the shard: cells that cannot exist; cells whose result is kept
};

// A cell as a job: its cost is its predicted seconds at `rates`. Shapes are told apart only where packs are wanted
// (pack > 1).
class JobMaker {
 public:
  JobMaker(const sweeps::Grid& grid, const sweeps::Rates& rates, int pack, PackSize pack_size = {})
      : grid_(grid), rates_(rates), pack_(pack), pack_size_(std::move(pack_size)) {}
  Job operator()(std::uint64_t cell, const sweeps::Settings& settings);
  std::vector<std::string> families() const;

 private:
  using Numbers = std::unordered_map<std::string, std::uint32_t>;  // small ones for names, by their first appearance
  static std::uint32_t number(Numbers& numbers, const std::string& name);

  const sweeps::Grid& grid_;
  sweeps::Rates rates_;
  int pack_;
  PackSize pack_size_;
  Numbers families_, shapes_;
  std::unordered_map<std::uint32_t, int> most_of_;  // in a pack, by shape
};

// `took(cell)`: of one whose result is kept; none: it is to run. Cells of
// other shards are no jobs of ours, nor cells that a random search has not drawn.
JobList missing_jobs(const sweeps::Grid& grid, const sweeps::Rates& rates,
                     const std::function<std::optional<Took>(std::uint64_t)>& took, int pack,
                     const sweeps::Shard& shard, const PackSize& pack_size = {});

}  // namespace phasegrid::orchestrator
