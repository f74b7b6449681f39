// How one cell is trained: the [train] and [eval] sections as numbers, the learning rate at each step, and the data of each step.
#pragma once
#include <memory>
#include <vector>

#include "kernels/optimiser/optimiser.hpp"
#include "sweeps/cell.hpp"
#include "tasks/task.hpp"
#include "worker/gang.hpp"

namespace phasegrid::worker {

struct TrainSettings {
  std::int64_t steps = 0, warmup = 0, examples = 0, patience = 0, every = 1, eval_examples = 0;
  int batch = 0;
  kernels::Method method = kernels::Method::adamw;
  double learning_rate = 0, weight_decay = 0, clip = 0, stop_at_accuracy = 0;
  bool cosine = true;

  // At step 1 .. steps: linear warm-up, then constant or half a cosine down to 0.
  double rate_at(std::int64_t step) const;
};
TrainSettings train_settings(const sweeps::Settings& settings);

// Keys of the random streams (docs/design.md, 5): data by seed and task settings, weights by seed and model settings.
std::uint64_t data_key(const sweeps::CellSpec& cell);
std::uint64_t weights_key(const sweeps::CellSpec& cell);

// The sequences of each training step: fresh ones, or passes over a fixed set, each in an order of its own.
class TrainingData {
 public:
  TrainingData(const sweeps::CellSpec& cell, const TrainSettings& settings, Share share = {});
  const tasks::Task& task() const { return *task_; }
  std::uint64_t key() const { return key_; }
  void draw(std::int64_t step, tasks::Batch& batch);   // step from 1: the share of its sequences
  std::int64_t sequences(std::int64_t step) const;     // of the whole batch

 private:
  void shuffle(std::int64_t epoch);

  std::unique_ptr<tasks::Task> task_;
  std::uint64_t key_;
  std::int64_t examples_, batch_, epoch_ = -1;
  Share share_;
  std::vector<std::uint32_t> order_;
};

// "" or why the cell's model cannot be tested on sequences of length T.
std::string length_fits(const sweeps::Settings& settings, int T);

// The task of a cell; at another length if T > 0. Null where the task cannot be built at that length.
std::unique_ptr<tasks::Task> make_task(const sweeps::Settings& settings, int T = 0);

}  // namespace phasegrid::worker
