#include "orchestrator/bench_dispatch.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <iostream>
#include <memory>

#include "orchestrator/verbs/verbs.hpp"

namespace phasegrid::orchestrator {
namespace {

struct Arguments {
  std::uint64_t cells = 100'000;
  int workers = 64;
  std::string directory = std::filesystem::temp_directory_path();
  bool json = false;
};

void print(const DispatchBench& b) {
  fmt::print(
      "{} cells, {} workers: {:.3g} microseconds of coordinator time per cell, journal and results file included\n",
      b.cells, b.workers, b.microseconds_per_cell());
  fmt::print("  plan {:.2f} s, begin {:.2f} s, dispatch {:.2f} s (of which the end {:.2f} s), everything {:.2f} s\n",
             b.plan_seconds, b.begin_seconds, b.dispatch_seconds, b.final_seconds, b.total_seconds);
  fmt::print("  {:.2f} s of processor time, {:.0f} MB of memory; journal {:.1f} MB, results.h5 {:.1f} MB\n",
             b.processor_seconds, static_cast<double>(b.peak_bytes) / 1e6, static_cast<double>(b.journal_bytes) / 1e6,
             static_cast<double>(b.results_bytes) / 1e6);
}

void print_json(const DispatchBench& b) {
  const nlohmann::ordered_json json{{"cells", b.cells},
                                    {"workers", b.workers},
                                    {"microseconds_per_cell", b.microseconds_per_cell()},
                                    {"plan_seconds", b.plan_seconds},
                                    {"begin_seconds", b.begin_seconds},
                                    {"dispatch_seconds", b.dispatch_seconds},
                                    {"final_seconds", b.final_seconds},
                                    {"total_seconds", b.total_seconds},
                                    {"processor_seconds", b.processor_seconds},
                                    {"peak_bytes", b.peak_bytes},
                                    {"journal_bytes", b.journal_bytes},
                                    {"results_bytes", b.results_bytes}};
  std::cout << json.dump(1) << "\n";
}

}  // namespace

void add_bench_dispatch(CLI::App& bench, int& code) {
  auto args = std::make_shared<Arguments>();
  CLI::App* verb = bench.add_subcommand(
      "dispatch", "Run a sweep of trivial cells through the coordinator with simulated workers: its time per cell");
  verb->add_option("--cells", args->cells, "Cells of the sweep")
      ->check(CLI::Range(1, 100'000'000))
      ->capture_default_str();
  verb->add_option("--workers", args->workers, "Ranks with one slot each")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  verb->add_option("--directory", args->directory, "Where the run folder is made, and removed")->capture_default_str();
  verb->add_flag("--json", args->json, "Print one JSON object");
  verb->callback([args, &code] {
    const DispatchBench bench_result = bench_dispatch(args->cells, args->workers, args->directory);
    if (args->json) print_json(bench_result);
    else print(bench_result);
    code = 0;
  });
}

}  // namespace phasegrid::orchestrator
