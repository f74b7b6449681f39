#include "worker/run_pack.hpp"

#include <chrono>
#include <new>

#include "kernels/operations.hpp"
#include "worker/diagnostics/diagnose.hpp"
#include "worker/pack.hpp"
#include "worker/schema.hpp"

namespace phasegrid::worker {

using sweeps::CellResult;
using sweeps::CellSpec;
using sweeps::Status;

namespace {
double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}
}

std::vector<std::string> cpu_kinds() {
  const auto kinds = kernels::cpu_kinds();
  return {kinds.begin(), kinds.end()};
}

std::string pack_shape(const CellSpec& cell) {
  const sweeps::Settings& s = cell.settings;
  const TaskFacts task = task_facts(s);
  std::string shape = s.canonical(sweeps::Section::model);
  for (const auto n : {static_cast<std::int64_t>(task.vocab), static_cast<std::int64_t>(task.T), static_cast<std::int64_t>(task.most_scored), s.integer("batch"),
                       static_cast<std::int64_t>(task.channels), static_cast<std::int64_t>(task.outputs), static_cast<std::int64_t>(task.noisy)})
    shape += " " + std::to_string(n);
  return shape;
}

std::vector<CellResult> run_pack(std::span<const CellSpec> cells, const Device& device, const Observer& observer,
                                 const std::function<void(Pack&)>& keep, std::span<const std::string> checkpoints) {
  const auto start = std::chrono::steady_clock::now();
  kernels::flush_denormals();
  std::vector<CellResult> results;
  try {
    Pack pack(cells, device);
    for (std::size_t m = 0; m < checkpoints.size(); ++m) pack.restore(static_cast<int>(m), checkpoints[m]);
    const std::function<std::vector<std::string>()> save = [&] {
      const double seconds = seconds_since(start) / static_cast<double>(cells.size());
      std::vector<std::string> all;
      for (std::size_t m = 0; m < cells.size(); ++m) all.push_back(pack.save(static_cast<int>(m), seconds));
      return all;
    };
    bool go_on = true;
    while (pack.running() && go_on) {
      pack.step();
      if (observer) go_on = observer({pack.steps_done(), pack.steps_planned(), pack.last_loss(), &save});
    }
    if (go_on) pack.finish();
    if (go_on && keep) keep(pack);
    results = pack.take_results();
    for (std::size_t m = 0; go_on && m < cells.size(); ++m)
      if (results[m].status == Status::done) results[m].diagnostics = diagnose(cells[m], pack.model(), pack.parameters(), pack.weights(static_cast<int>(m)), device.kind);
    if (!go_on)
      for (CellResult& result : results) result.status = Status::pending;
  } catch (const std::bad_alloc&) {
    results.clear();
    for (const CellSpec& cell : cells) {
      CellResult& result = results.emplace_back();
      result.index = cell.index, result.status = Status::out_of_memory, result.reason = "not enough memory for the model and its batch";
    }
  }
  const double seconds = seconds_since(start) / static_cast<double>(cells.size());
  for (CellResult& result : results) result.seconds += seconds;   // to those before the checkpoint
  return results;
}

}  // namespace phasegrid::worker
