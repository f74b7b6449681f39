#include "worker/run_pack.hpp"

#include <algorithm>
#include <chrono>
#include <new>

#include "kernels/operations.hpp"
#include "kernels/parallel.hpp"
#include "worker/diagnostics/diagnose.hpp"
#include "worker/flight.hpp"
#include "worker/gang_of_threads.hpp"
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

CellResult too_large(const CellSpec& cell) {
  CellResult result;
  result.index = cell.index, result.status = Status::out_of_memory;
  result.reason = "not enough memory for the model and its batch";
  return result;
}

// Who trains the cells of a run, who is asked between steps and told at the end, and what has come of them.
struct Training {
  const Device& device;
  const Gang& gang;
  const Observer& observer;
  const Keep& keep;
  std::chrono::steady_clock::time_point start;
  std::vector<CellResult> results;          // by place, as are
  std::vector<std::string> left;            // checkpoints of cells that had finished when the others moved on
  bool stopped = false;

  double seconds() const { return seconds_since(start) / static_cast<double>(results.size()); }   // of each cell
};

// A checkpoint for each cell of the run as it is now: "" for those that wait for their turn.
std::vector<std::string> save(Flight& flight, const Cells& cells, const Training& by) {
  std::vector<std::string> states = by.left;
  for (std::size_t i = 0; i < cells.size(); ++i) states[cells.places[i]] = flight.save(i, by.seconds());
  return states;
}

// Tests and diagnoses the cells that are done. Those that still train keep what they have so far, and are pending.
void land(Flight& flight, const Cells& cells, Training& by) {
  flight.each_pack([&](Pack& pack, std::size_t first) {
    if (!by.stopped) pack.finish();
    if (!by.stopped && by.keep) by.keep(pack);
    std::vector<CellResult> results = pack.take_results();
    for (std::size_t m = 0; m < results.size(); ++m) {
      CellResult& result = by.results[cells.places[first + m]] = std::move(results[m]);
      if (by.stopped) result.status = Status::pending;
      if (result.status != Status::done || !by.gang.leads()) continue;
      const float* weights = pack.weights(static_cast<int>(m));
      const CellSpec& cell = cells.specs[first + m];
      result.diagnostics = diagnose(cell, pack.model(), pack.parameters(), weights, host_kind(by.device));
    }
  });
}

// Those that still train, as they are now. The checkpoints of the others are left behind.
Cells move_on(Flight& flight, const Cells& cells, Training& by) {
  Cells rest;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (!flight.trains(i)) {
      by.left[cells.places[i]] = flight.save(i, by.seconds());
      continue;
    }
    rest.specs.push_back(cells.specs[i]), rest.places.push_back(cells.places[i]);
    rest.states.push_back(flight.save(i, 0));   // the run goes on: its time is counted at its end
  }
  return rest;
}

// Throws std::bad_alloc where the cells do not fit together. Returns those that are to go on in a smaller pack.
Cells train_together(const Cells& cells, Training& by) {
  Flight flight(cells, by.device, by.gang);
  if (!flight.fits()) {
    by.results[cells.places.front()] = too_large(cells.specs.front());
    return {};
  }
  const std::function<std::vector<std::string>()> states = [&] { return save(flight, cells, by); };
  Cells rest;
  while (flight.running() && !by.stopped && rest.size() == 0) {
    flight.step();
    const Progress progress{.step = flight.steps_done(), .steps = flight.steps_planned(), .loss = flight.last_loss(),
                            .save = by.gang.alone() ? &states : nullptr, .models = cells.size(), .packs = flight.packs()};
    by.stopped = by.observer && !by.observer(progress);
    if (!by.stopped && flight.thin()) rest = move_on(flight, cells, by);
  }
  land(flight, cells, by);
  return rest;
}

// Cells that do not fit together are trained in two halves, one after the other; each gets the same bits.
void train(Cells cells, Training& by) {
  while (cells.size() > 0 && !by.stopped) {
    try {
      cells = train_together(cells, by);
      continue;
    } catch (const std::bad_alloc&) {
      // The others of a gang have begun and wait: only the end of this member tells that it does not come.
      if (!by.gang.alone()) throw std::runtime_error("not enough memory in the middle of the training of a gang");
    }
    if (cells.size() == 1) {
      by.results[cells.places.front()] = too_large(cells.specs.front());
      return;
    }
    train(cells.part(0, cells.size() / 2), by);
    cells = cells.part(cells.size() / 2, cells.size());
  }
}

}  // namespace

std::vector<CellResult> run_pack(std::span<const CellSpec> cells, const Device& device, const Observer& observer,
                                 const Keep& keep, Replicas* replicas, std::span<const std::string> checkpoints) {
  if (!replicas && cells.front().settings.integer("replicas") > 1)
    return {run_gang(cells.front(), device, observer, keep)};
  kernels::flush_denormals();
  kernels::Pool pool(device.threads);
  const kernels::UsePool use(pool);
  const Gang gang(replicas);
  const auto start = std::chrono::steady_clock::now();
  Training by{device, gang, observer, keep, start, {}, std::vector<std::string>(cells.size())};
  Cells all{{cells.begin(), cells.end()}, {}, {checkpoints.begin(), checkpoints.end()}};
  for (const CellSpec& cell : cells)
    all.places.push_back(by.results.size()), by.results.emplace_back().index = cell.index;   // pending
  const std::vector<CellResult> pending = by.results;
  try {
    train(std::move(all), by);
  } catch (const GangBroken&) {
    by.results = pending;
  }
  const double seconds = by.seconds();
  for (CellResult& result : by.results) result.seconds += seconds;   // to those before the checkpoint
  return std::move(by.results);
}

}  // namespace phasegrid::worker
