#include "orchestrator/bench_dispatch.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "orchestrator/crowd.hpp"
#include "orchestrator/director.hpp"
#include "orchestrator/machine.hpp"
#include "orchestrator/plan.hpp"
#include "worker/schema.hpp"

namespace phasegrid::orchestrator {
namespace {

constexpr std::uint64_t kMostSeeds = 1000;
constexpr int kBatch = 64;  // messages between two looks at the clock-driven work, as a busy event loop has them

class Scratch {
 public:
  explicit Scratch(const std::filesystem::path& below) {
    std::string name = (below / "phasegrid-bench-XXXXXX").string();
    if (!mkdtemp(name.data())) throw std::runtime_error("no folder can be made in " + below.string());
    path_ = name;
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

std::string sweep_of(std::uint64_t cells) {
  const std::uint64_t seeds = std::min(cells, kMostSeeds), widths = (cells + seeds - 1) / seeds;
  std::string list;
  for (std::uint64_t d = 1; d <= widths; ++d) list += fmt::format("{}{}", d > 1 ? ", " : "", d);
  return fmt::format(
      "[sweep]\nname = \"dispatch\"\nseeds = {}\n[task]\nname = \"mqar\"\nkappa = 4\nnu = 8\nT = 32\n[model]\nvariant "
      "= \"mamba\"\nN = 4\n"
      "[axes]\nd = [{}]\n",
      seeds, list);
}

sweeps::CellResult trivial(std::uint64_t cell) {
  const double x = static_cast<double>(cell % 1009) / 1009;
  sweeps::CellResult result;
  result.index = cell;
  result.status = sweeps::Status::done;
  result.accuracy = x, result.loss = 1 - x, result.accuracy_final = x, result.accuracy_validation = x;
  result.steps = 100, result.best_step = 50, result.examples = 6400, result.parameters = 1000, result.seconds = 1e-3;
  return result;
}

double processor_seconds(const rusage& usage) {
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Runs the sweep; adds up the time inside the director.
void dispatch(const sweeps::Grid& grid, const RunOptions& options, DispatchBench& bench) {
  Crowd crowd(bench.workers, grid.hash(), trivial);
  Director director(crowd, grid, options, monotonic());
  const auto timed = [](double& sum, const auto& work) {
    const double before = monotonic();
    work(before);
    const double took = monotonic() - before;
    sum += took;
    return took;
  };
  while (!director.done()) {
    Parcel parcel;
    for (int n = 0; n < kBatch && crowd.receive(parcel); ++n)
      timed(director.began() ? bench.dispatch_seconds : bench.begin_seconds,
            [&](double now) { director.handle(parcel, now); });
    const double took = timed(bench.dispatch_seconds, [&](double now) { director.poll(now); });
    if (director.done()) bench.final_seconds = took;
  }
}

}  // namespace

DispatchBench bench_dispatch(std::uint64_t cells, int workers, const std::string& directory) {
  const Scratch scratch(directory);
  DispatchBench bench;
  bench.workers = workers;
  const double start = monotonic();
  const auto grid = sweeps::Grid::parse(sweep_of(cells), "dispatch.toml", worker::make_schema());
  survey(grid, sweeps::Rates{});
  bench.cells = grid.size();
  bench.plan_seconds = monotonic() - start;

  RunOptions options;
  options.sweep = "dispatch.toml", options.directory = (scratch.path() / "out").string();
  options.slots = 1, options.quiet = true, options.ask_slurm = false;
  dispatch(grid, options, bench);

  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  bench.total_seconds = monotonic() - start;
  bench.processor_seconds = processor_seconds(usage);
  bench.peak_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
  bench.journal_bytes = std::filesystem::file_size(scratch.path() / "out/journal.1.jsonl");
  bench.results_bytes = std::filesystem::file_size(scratch.path() / "out/results.h5");
  return bench;
}

}  // namespace phasegrid::orchestrator
