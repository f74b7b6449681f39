#include "worker/bench_pack.hpp"

#include <algorithm>
#include <chrono>

#include "worker/flight.hpp"
#include "worker/row_counts.hpp"
#include "worker/schema.hpp"

namespace phasegrid::worker {
namespace {

using Clock = std::chrono::steady_clock;
double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

constexpr int kStretch = 64;  // steps: after each the pack looks at its records, and so waits for the device

// Drawing and laying out the batches of one step, without a device.
double host_seconds(const std::vector<sweeps::CellSpec>& cells, double seconds) {
  const TrainSettings train = train_settings(cells.front().settings);
  std::vector<TrainingData> data;
  for (const sweeps::CellSpec& cell : cells) data.emplace_back(cell, train);
  const tasks::Task& task = data.front().task();
  const ModelSettings model = model_settings(cells.front().settings, task);
  Layout layout(static_cast<int>(cells.size()),
                layout_shape(model, train.batch, task.T(), task.most_scored(), task.T()));
  tasks::Batch batch;
  int steps = 0;
  const auto start = Clock::now();
  do {
    ++steps;
    for (std::size_t m = 0; m < cells.size(); ++m) data[m].draw(steps, batch), layout.set(static_cast<int>(m), batch);
  } while (since(start) < seconds);
  return since(start) / steps;
}

}  // namespace

double GpuFloor::seconds(const kernels::Gpu& gpu) const {
  return std::max({bytes / gpu.byte_rate, flops / gpu.flop_rate, exponentials / (gpu.flop_rate / 16)});
}

GpuFloor gpu_floor(const sweeps::Settings& settings, bool score_all) {
  const sweeps::Cost cost = step_cost(settings, count_rows(settings, score_all));
  const double parameters = static_cast<double>(cell_cost(settings).parameters);
  const double tables =
      static_cast<double>(cost.bytes) - 16 * parameters;  // step_cost() counts four numbers a parameter with them
  return {2 * tables + 28 * parameters, cost.flops, cost.exponentials};
}

PackBench bench_pack(const sweeps::CellSpec& cell, const Device& device, int models, double seconds) {
  std::vector<sweeps::CellSpec> cells(static_cast<std::size_t>(models), cell);
  for (int m = 0; m < models; ++m) cells[static_cast<std::size_t>(m)].seed = m;
  PackBench result;
  result.models = models;
  const TrainSettings train = train_settings(cell.settings);
  result.tokens_per_step = static_cast<double>(models) * train.batch * task_facts(cell.settings).T;
  const Cells all{cells, {}, {}};
  Flight flight(all, device, Gang());
  result.packs = static_cast<int>(flight.packs());
  std::vector<double> times, launches;
  const auto stretch = [&] {
    const auto start = Clock::now();
    for (int i = 1; i < kStretch; ++i) flight.step();
    launches.push_back(since(start) / (kStretch - 1));
    flight.step();
    times.push_back(since(start) / kStretch);
  };
  const auto median = [](std::vector<double>& values) {
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
    return values[values.size() / 2];
  };
  stretch();
  times.clear(), launches.clear();
  for (const auto begin = Clock::now(); times.empty() || since(begin) < seconds;) stretch();
  result.steps = static_cast<int>(times.size()) * kStretch, result.seconds_per_step = median(times);
  result.drawn_there = flight.draws_there();
  result.host_seconds = result.drawn_there ? median(launches) : host_seconds(cells, seconds / 4);
  return result;
}

}  // namespace phasegrid::worker
