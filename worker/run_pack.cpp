#include "worker/run_pack.hpp"

#include <chrono>
#include <new>

#include "kernels/operations.hpp"
#include "worker/diagnostics/diagnose.hpp"
#include "worker/gang_of_threads.hpp"
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
  for (const auto n : {static_cast<std::int64_t>(task.vocab), static_cast<std::int64_t>(task.T), static_cast<std::int64_t>(task.most_scored), s.integer("batch"), s.integer("replicas"),
                       static_cast<std::int64_t>(task.channels), static_cast<std::int64_t>(task.outputs), static_cast<std::int64_t>(task.noisy)})
    shape += " " + std::to_string(n);
  return shape;
}

namespace {

// A member of a gang that has no memory says so to the others before any of them begins.
std::unique_ptr<Pack> make_pack(std::span<const CellSpec> cells, const Device& device, Gang gang) {
  std::unique_ptr<Pack> pack;
  try {
    pack = std::make_unique<Pack>(cells, device, gang);
  } catch (const std::bad_alloc&) {
    if (!gang.ready()) throw;
  }
  if (!gang.all(pack != nullptr)) throw std::bad_alloc();
  pack->begin();
  return pack;
}

}  // namespace

std::vector<CellResult> run_pack(std::span<const CellSpec> cells, const Device& device, const Observer& observer,
                                 const std::function<void(Pack&)>& keep, Replicas* replicas, std::span<const std::string> checkpoints) {
  if (!replicas && cells.front().settings.integer("replicas") > 1) return {run_gang(cells.front(), device, observer, keep)};
  const Gang gang(replicas);
  const auto start = std::chrono::steady_clock::now();
  kernels::flush_denormals();
  std::vector<CellResult> results;
  try {
    const auto made = make_pack(cells, device, gang);
    Pack& pack = *made;
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
      if (observer) go_on = observer({pack.steps_done(), pack.steps_planned(), pack.last_loss(), gang.alone() ? &save : nullptr});
    }
    if (go_on) pack.finish();
    if (go_on && keep) keep(pack);
    results = pack.take_results();
    for (std::size_t m = 0; go_on && gang.leads() && m < cells.size(); ++m)
      if (results[m].status == Status::done) results[m].diagnostics = diagnose(cells[m], pack.model(), pack.parameters(), pack.weights(static_cast<int>(m)), device.kind);
    if (!go_on)
      for (CellResult& result : results) result.status = Status::pending;
  } catch (const GangBroken&) {
    results.clear();
    for (const CellSpec& cell : cells) results.emplace_back().index = cell.index;   // pending
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
