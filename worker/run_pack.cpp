#include "worker/run_pack.hpp"

#include <algorithm>
#include <chrono>
#include <new>

#include "kernels/operations.hpp"
#include "kernels/parallel.hpp"
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

using Keep = std::function<void(Pack&)>;

// Diagnostics look into a network on the host; their bits must not depend on which processor stands beside a GPU.
std::string host_kind(const Device& device) {
  const auto kinds = cpu_kinds();
  return std::find(kinds.begin(), kinds.end(), device.kind) != kinds.end() ? device.kind : kinds.front();
}

// A member of a gang that has no memory says so to the others before any of them begins: null for all.
std::unique_ptr<Pack> make_pack(std::span<const CellSpec> cells, const Device& device, Gang gang) {
  std::unique_ptr<Pack> pack;
  try {
    pack = std::make_unique<Pack>(cells, device, gang);
  } catch (const std::bad_alloc&) {
    if (!gang.ready()) throw;
  }
  if (!gang.all(pack != nullptr)) return nullptr;
  pack->begin();
  return pack;
}

std::vector<CellResult> too_large(const CellSpec& cell) {
  CellResult result;
  result.index = cell.index, result.status = Status::out_of_memory;
  result.reason = "not enough memory for the model and its batch";
  return {result};
}

// What trains the cells, and who is asked between steps and told at the end.
struct Training {
  const Device& device;
  const Gang& gang;
  const Observer& observer;
  const Keep& keep;
  std::span<const CellSpec> all;            // of which halves may be trained
  std::span<const std::string> checkpoints; // none, or one for each of them
  std::chrono::steady_clock::time_point start;

  std::size_t place(std::span<const CellSpec> cells) const { return static_cast<std::size_t>(cells.data() - all.data()); }
};

// A checkpoint for each of all cells as they are now: "" for those that are not in this pack.
std::vector<std::string> save(Pack& pack, std::span<const CellSpec> cells, const Training& by) {
  std::vector<std::string> states(by.all.size());
  const double seconds = seconds_since(by.start) / static_cast<double>(by.all.size());
  for (std::size_t m = 0; m < cells.size(); ++m) states[by.place(cells) + m] = pack.save(static_cast<int>(m), seconds);
  return states;
}

// Throws std::bad_alloc where the cells do not fit together.
std::vector<CellResult> train_together(std::span<const CellSpec> cells, const Training& by) {
  const auto pack = make_pack(cells, by.device, by.gang);
  if (!pack) return too_large(cells.front());
  for (std::size_t m = 0; m < cells.size() && !by.checkpoints.empty(); ++m)
    pack->restore(static_cast<int>(m), by.checkpoints[by.place(cells) + m]);
  const std::function<std::vector<std::string>()> states = [&] { return save(*pack, cells, by); };
  bool go_on = true;
  while (pack->running() && go_on) {
    pack->step();
    go_on = by.observer({pack->steps_done(), pack->steps_planned(), pack->last_loss(), by.gang.alone() ? &states : nullptr});
  }
  if (go_on) pack->finish();
  if (go_on && by.keep) by.keep(*pack);
  std::vector<CellResult> results = pack->take_results();
  for (std::size_t m = 0; m < cells.size(); ++m) {
    CellResult& result = results[m];
    if (!go_on) result.status = Status::pending;
    if (result.status != Status::done || !by.gang.leads()) continue;
    const float* weights = pack->weights(static_cast<int>(m));
    result.diagnostics = diagnose(cells[m], pack->model(), pack->parameters(), weights, host_kind(by.device));
  }
  return results;
}

// Cells that do not fit together are trained in two halves, one after the other; each gets the same bits.
std::vector<CellResult> train(std::span<const CellSpec> cells, const Training& by) {
  try {
    return train_together(cells, by);
  } catch (const std::bad_alloc&) {
    // The others of a gang have begun and wait: only the end of this member tells that it does not come.
    if (!by.gang.alone()) throw std::runtime_error("not enough memory in the middle of the training of a gang");
    if (cells.size() == 1) return too_large(cells.front());
  }
  std::vector<CellResult> results;
  for (const auto half : {cells.first(cells.size() / 2), cells.subspan(cells.size() / 2)})
    for (CellResult& result : train(half, by)) results.push_back(std::move(result));
  return results;
}

}  // namespace

std::vector<CellResult> run_pack(std::span<const CellSpec> cells, const Device& device, const Observer& observer,
                                 const Keep& keep, Replicas* replicas, std::span<const std::string> checkpoints) {
  if (!replicas && cells.front().settings.integer("replicas") > 1)
    return {run_gang(cells.front(), device, observer, keep)};
  const auto start = std::chrono::steady_clock::now();
  kernels::flush_denormals();
  kernels::Pool pool(device.threads);
  const kernels::UsePool use(pool);
  bool stopped = false;   // once told to stop, no half of a pack begins
  const Observer watch = [&](const Progress& progress) {
    return !(stopped = stopped || (observer && !observer(progress)));
  };
  std::vector<CellResult> results;
  try {
    results = train(cells, {device, Gang(replicas), watch, keep, cells, checkpoints, start});
  } catch (const GangBroken&) {
    results.clear();
    for (const CellSpec& cell : cells) results.emplace_back().index = cell.index;   // pending
  }
  const double seconds = seconds_since(start) / static_cast<double>(cells.size());
  for (CellResult& result : results) result.seconds += seconds;   // to those before the checkpoint
  return results;
}

}  // namespace phasegrid::worker
