#include "orchestrator/gpu_cells.hpp"

#include <unordered_set>

#include "kernels/device/survey.hpp"
#include "worker/gpu_support.hpp"
#include "worker/replicas_nccl.hpp"

namespace phasegrid::orchestrator {

std::string cells_without_gpu(const sweeps::Grid& grid) {
  std::unordered_set<std::string> seen;  // models
  std::string found;
  const bool no_gangs = kernels::built_with_cuda() && !worker::built_with_nccl();
  grid.visit_groups([&](std::uint64_t, const sweeps::Settings& settings, const std::string& reason) {
    if (found.empty() && reason.empty() && no_gangs && settings.integer("replicas") > 1)
      found = "replicas = " + std::to_string(settings.integer("replicas")) + " (this phasegrid was built without NCCL)";
    if (!found.empty() || !reason.empty() || !seen.insert(settings.canonical(sweeps::Section::model)).second) return;
    const std::string operation = worker::lacking_on_gpu(settings);
    if (!operation.empty()) found = "variant " + settings.word("variant") + " (operation " + operation + ")";
  });
  return found;
}

}  // namespace phasegrid::orchestrator
