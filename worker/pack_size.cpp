#include "worker/pack_size.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

#include "kernels/device/rehearsal.hpp"
#include "worker/pack.hpp"

namespace phasegrid::worker {
namespace {

constexpr int kWarps = 16;     // of a multiprocessor: four for each of its schedulers
constexpr double kOurs = 0.9;  // the part of a GPU's memory that we take
constexpr int kRounds = 8;
const Device kAnyGpu{"sm_0"};  // in a rehearsal

std::int64_t rehearsed(sweeps::CellSpec cell, int models) {
  cell.settings.set("init", "random", false);  // weights are of no interest
  const std::vector<sweeps::CellSpec> cells(static_cast<std::size_t>(models), cell);
  const kernels::Rehearsal rehearsal;
  Pack(cells, kAnyGpu).rehearse();
  return static_cast<std::int64_t>(rehearsal.most());
}

}  // namespace

// Batches are empty: launches and allocations go by capacities.
void Pack::rehearse() {
  const kernels::UseQueue use(queue_.get());
  std::vector<int> models(cells_.size());
  std::iota(models.begin(), models.end(), 0);
  for (Cell& cell : cells_) cell.training = false, cell.settings.eval_examples = 1;
  if (network_) train_step();
  evaluate(models, tasks::Stream::test, 0);
  for (sweeps::CellResult& result : results_) result.status = sweeps::Status::done;
  finish();
}

PackBytes pack_bytes(const sweeps::CellSpec& cell) {
  if (!kernels::can_rehearse()) return {};
  const std::int64_t one = rehearsed(cell, 1), two = rehearsed(cell, 2);
  return {2 * one - two, two - one};
}

int pack_size(const sweeps::CellSpec& cell, const kernels::Gpu& gpu) {
  const PackBytes bytes = pack_bytes(cell);
  const double room = kOurs * static_cast<double>(gpu.bytes) - static_cast<double>(bytes.fixed);
  const double fit = bytes.each > 0 ? room / static_cast<double>(bytes.each) : kLargestPack;
  const std::int64_t warps = cell.settings.integer("batch") * ((cell.settings.integer("D") + 31) / 32);
  const std::int64_t busy = (static_cast<std::int64_t>(kRounds) * kWarps * gpu.multiprocessors + warps - 1) / warps;
  return static_cast<int>(std::clamp(std::min(fit, static_cast<double>(busy)), 1.0, static_cast<double>(kLargestPack)));
}

}  // namespace phasegrid::worker
