#include "worker/run_pack.hpp"

#include <algorithm>
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

namespace {

using Keep = std::function<void(Pack&)>;

// Diagnostics look into a network on the host; their bits must not depend on what kind of processor stands beside a GPU.
std::string host_kind(const Device& device) {
  const auto kinds = cpu_kinds();
  return std::find(kinds.begin(), kinds.end(), device.kind) != kinds.end() ? device.kind : kinds.front();
}

// Throws std::bad_alloc where the cells do not fit together.
std::vector<CellResult> train_together(std::span<const CellSpec> cells, const Device& device, const Observer& observer, const Keep& keep) {
  Pack pack(cells, device);
  bool go_on = true;
  while (pack.running() && go_on) {
    pack.step();
    if (observer) go_on = observer({pack.steps_done(), pack.steps_planned(), pack.last_loss()});
  }
  if (go_on) pack.finish();
  if (go_on && keep) keep(pack);
  std::vector<CellResult> results = pack.take_results();
  for (std::size_t m = 0; m < cells.size(); ++m) {
    if (!go_on) results[m].status = Status::pending;
    else if (results[m].status == Status::done)
      results[m].diagnostics = diagnose(cells[m], pack.model(), pack.parameters(), pack.weights(static_cast<int>(m)), host_kind(device));
  }
  return results;
}

std::vector<CellResult> too_large(const CellSpec& cell) {
  CellResult result;
  result.index = cell.index, result.status = Status::out_of_memory, result.reason = "not enough memory for the model and its batch";
  return {result};
}

// Cells that do not fit together are trained in two halves, one after the other; each gets the same bits.
std::vector<CellResult> train(std::span<const CellSpec> cells, const Device& device, const Observer& observer, const Keep& keep) {
  try {
    return train_together(cells, device, observer, keep);
  } catch (const std::bad_alloc&) {
    if (cells.size() == 1) return too_large(cells.front());
  }
  std::vector<CellResult> results;
  for (const auto half : {cells.first(cells.size() / 2), cells.subspan(cells.size() / 2)})
    for (CellResult& result : train(half, device, observer, keep)) results.push_back(std::move(result));
  return results;
}

}  // namespace

std::vector<CellResult> run_pack(std::span<const CellSpec> cells, const Device& device, const Observer& observer, const Keep& keep) {
  const auto start = std::chrono::steady_clock::now();
  kernels::flush_denormals();
  bool stopped = false;   // once told to stop, no half of a pack begins
  const auto watch = [&](const Progress& progress) { return !(stopped = stopped || (observer && !observer(progress))); };
  std::vector<CellResult> results = train(cells, device, watch, keep);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  for (CellResult& result : results) result.seconds = seconds / static_cast<double>(cells.size());
  return results;
}

}  // namespace phasegrid::worker
