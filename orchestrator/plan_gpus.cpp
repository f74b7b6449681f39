#include "orchestrator/plan_gpus.hpp"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <algorithm>
#include <limits>
#include <ostream>
#include <unordered_set>

#include "orchestrator/gpu_cells.hpp"
#include "orchestrator/gpus.hpp"
#include "worker/pack_size.hpp"
#include "worker/run_pack.hpp"

namespace phasegrid::orchestrator {
namespace {

// Over all shapes of the sweep.
struct Packs {
  int least = std::numeric_limits<int>::max(), most = 0;
  std::int64_t bytes = 0;  // of the largest model
};

Packs packs(const sweeps::Grid& grid, const kernels::Gpu& gpu) {
  std::unordered_set<std::string> seen;
  Packs packs;
  grid.visit_groups([&](std::uint64_t first, const sweeps::Settings&, const std::string& reason) {
    const sweeps::CellSpec cell = grid.cell(first);
    if (!reason.empty() || !seen.insert(worker::pack_shape(cell)).second) return;
    const int size = worker::pack_size(cell, gpu);
    packs.least = std::min(packs.least, size), packs.most = std::max(packs.most, size);
    packs.bytes = std::max(packs.bytes, worker::pack_bytes(cell).each);
  });
  return packs;
}

}  // namespace

void print_gpus(const sweeps::Grid& grid, const std::string& device, std::ostream& out) {
  const std::string lacking = cells_without_gpu(grid);
  if (!lacking.empty()) fmt::print(out, "\nGPU           not for this sweep: {} runs on the CPU only\n", lacking);
  if (device != "cuda" || !lacking.empty()) return;
  const kernels::GpuSurvey survey = ask_for_gpus();
  if (const std::string why = trouble(survey); !why.empty())
    return fmt::print(out, "\nGPU           none here: {}\n", why);
  for (const std::string& kind : usable_kinds(survey)) {
    const auto usable = [&](const kernels::Gpu& gpu) { return gpu.kind == kind && gpu.problem.empty(); };
    const kernels::Gpu& gpu = *std::find_if(survey.gpus.begin(), survey.gpus.end(), usable);
    const Packs p = packs(grid, gpu);
    fmt::print(out, "\nGPU           {} x {} ({}, driver {})\n",
               std::count_if(survey.gpus.begin(), survey.gpus.end(), usable), gpu.name, kind, survey.driver);
    if (p.most > 0)
      fmt::print(out, "              packs of {} to {} cells, at most {:.3g} MB a cell (counted)\n",
                 p.least, p.most, static_cast<double>(p.bytes) / 1e6);
  }
}

}  // namespace phasegrid::orchestrator
