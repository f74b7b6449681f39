// What the coordinator itself costs: a sweep of trivial cells through the real director, journal and results file, with
// workers that answer at once (crowd.hpp).
#pragma once
#include <cstdint>
#include <string>

namespace phasegrid::orchestrator {

struct DispatchBench {
  std::uint64_t cells = 0;  // at least as many as asked for: seeds times widths
  int workers = 0;
  double plan_seconds = 0;      // reading the sweep, surveying all its cells as `plan` does
  double begin_seconds = 0;     // from the last rank's word to the first cell: finding and ordering the work
  double dispatch_seconds = 0;  // in the director, from then on, without the workers; journal and results file included
  double final_seconds = 0;     // of which the end: last flush, results file, summary
  double total_seconds = 0;     // wall time of everything, the simulated workers included
  double processor_seconds = 0;  // of all that
  std::uint64_t peak_bytes = 0;  // of the process
  std::uint64_t journal_bytes = 0, results_bytes = 0;
  double microseconds_per_cell() const { return 1e6 * dispatch_seconds / static_cast<double>(cells); }
};

// Works in a folder of its own below `directory`, which it removes.
DispatchBench bench_dispatch(std::uint64_t cells, int workers, const std::string& directory);

}  // namespace phasegrid::orchestrator
