#include "orchestrator/jobs.hpp"

#include <algorithm>
#include <unordered_map>

#include "worker/run_pack.hpp"

namespace phasegrid::orchestrator {
namespace {

// Small numbers for names, in the order of their first appearance.
class Numbers {
 public:
  std::uint32_t of(const std::string& name) {
    return known_.try_emplace(name, static_cast<std::uint32_t>(known_.size())).first->second;
  }
  std::vector<std::string> names() const {
    std::vector<std::string> all(known_.size());
    for (const auto& [name, number] : known_) all[number] = name;
    return all;
  }

 private:
  std::unordered_map<std::string, std::uint32_t> known_;
};

}  // namespace

JobList missing_jobs(const sweeps::Grid& grid, const sweeps::Rates& rates,
                     const std::function<std::optional<double>(std::uint64_t)>& seconds_of, int pack,
                     const sweeps::Shard& shard) {
  JobList list;
  Numbers families, shapes;
  const auto& cost = grid.schema().cost;
  const std::uint64_t seeds = grid.axes().back().size();
  grid.visit_groups([&](std::uint64_t first, const sweeps::Settings& settings, const std::string& reason) {
    if (!reason.empty()) {
      for (std::uint64_t cell = first; cell < first + seeds; ++cell) list.infeasible += shard.has(cell);
      return;
    }
    const auto replicas = settings.integer("replicas");
    const double seconds = std::max(1e-6, sweeps::predicted_seconds(cost(settings), rates) / static_cast<double>(replicas));
    const std::uint32_t family = families.of(settings.word("variant") + (replicas > 1 ? " x " + std::to_string(replicas) : ""));
    const std::uint32_t shape = pack > 1 ? shapes.of(worker::pack_shape(grid.cell(first))) : 0;
    for (std::uint64_t cell = first; cell < first + seeds; ++cell) {
      if (!shard.has(cell)) continue;
      const std::optional<double> took = seconds_of(cell);
      if (!took) {
        list.jobs.push_back({cell, seconds, family, shape, static_cast<int>(replicas)});
        continue;
      }
      ++list.kept;
      if (list.known.size() <= family) list.known.resize(family + 1);
      if (*took > 0) list.known[family].cost += seconds, list.known[family].seconds += *took;
    }
  });
  list.families = families.names();
  return list;
}

}  // namespace phasegrid::orchestrator
