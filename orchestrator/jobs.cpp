#include "orchestrator/jobs.hpp"

#include <algorithm>

#include "sweeps/drawn_cells.hpp"
#include "worker/run_pack.hpp"

namespace phasegrid::orchestrator {

std::uint32_t JobMaker::number(Numbers& numbers, const std::string& name) {
  return numbers.try_emplace(name, static_cast<std::uint32_t>(numbers.size())).first->second;
}

Job JobMaker::operator()(std::uint64_t cell, const sweeps::Settings& settings) {
  const auto replicas = settings.integer("replicas");
  const sweeps::Cost cost = grid_.schema().cost(settings);
  const double alone = sweeps::predicted_seconds(cost, rates_);
  Job job{.cell = cell,
          .cost = std::max(1e-6, alone / static_cast<double>(replicas)),
          .replicas = static_cast<int>(replicas),
          .steps = static_cast<float>(cost.steps)};
  job.family = number(families_, settings.word("variant") + (replicas > 1 ? " x " + std::to_string(replicas) : ""));
  if (pack_ > 1) job.shape = number(shapes_, worker::pack_shape(grid_.cell(cell)));
  if (pack_size_ && !most_of_.contains(job.shape)) most_of_[job.shape] = pack_size_(settings);
  if (pack_size_) job.most = most_of_[job.shape];
  return job;
}

std::vector<std::string> JobMaker::families() const {
  std::vector<std::string> all(families_.size());
  for (const auto& [name, number] : families_) all[number] = name;
  return all;
}

void JobList::keep(const Job& job, const Took& took) {
  ++kept;
  if (known.size() <= job.family) known.resize(job.family + 1);
  if (!(took.seconds > 0)) return;
  Known& all = known[job.family];
  all.cost += job.cost, all.seconds += took.seconds;
  all.rates.add(job.cost, trained_part(took.steps, job), took.seconds);
}

JobList missing_jobs(const sweeps::Grid& grid, const sweeps::Rates& rates,
                     const std::function<std::optional<Took>(std::uint64_t)>& took, int pack,
                     const sweeps::Shard& shard, const PackSize& pack_size) {
  JobList list;
  JobMaker make(grid, rates, pack, pack_size);
  const bool random = grid.search().mode == "random";
  const std::vector<std::uint64_t> drawn = random ? sweeps::drawn_cells(grid) : std::vector<std::uint64_t>();
  const auto ours = [&](std::uint64_t cell) {
    return shard.has(cell) && (!random || std::ranges::binary_search(drawn, cell));
  };
  const std::uint64_t seeds = grid.axes().back().size();
  grid.visit_groups([&](std::uint64_t first, const sweeps::Settings& settings, const std::string& reason) {
    if (!reason.empty()) {
      for (std::uint64_t cell = first; cell < first + seeds; ++cell) list.infeasible += ours(cell);
      return;
    }
    Job job = make(first, settings);
    for (job.cell = first; job.cell < first + seeds; ++job.cell) {
      if (!ours(job.cell)) continue;
      if (const std::optional<Took> kept = took(job.cell)) list.keep(job, *kept);
      else list.jobs.push_back(job);
    }
  });
  list.families = make.families();
  return list;
}

}  // namespace phasegrid::orchestrator
