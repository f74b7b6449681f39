// What a pack tells its device of the steps ahead: whose sequences to draw, at which learning rate.
#include <algorithm>
#include <limits>

#include "worker/pack.hpp"

namespace phasegrid::worker {

using sweeps::CellSpec;
using tasks::Stream;

// For batches of these tasks, one a model; null where a model has none.
std::unique_ptr<Network<float>> Pack::make_network(std::span<const tasks::Task* const> tasks, int sequences, float* grads) {
  const tasks::Task* any = nullptr;
  int most_scored = 0;
  for (const tasks::Task* task : tasks)
    if (task) any = task, most_scored = std::max(most_scored, task->most_scored());
  int longest = any->T();
  for (const CellSpec& spec : specs_)
    for (const int T : spec.eval_T) longest = std::max(longest, T);
  const LayoutShape shape = layout_shape(model_, sequences, any->T(), most_scored, longest);
  auto network = std::make_unique<Network<float>>(model_, shape, static_cast<int>(cells_.size()), device_.kind, weights_, grads);
  const bool fixed_set = grads && std::any_of(cells_.begin(), cells_.end(), [](const Cell& cell) { return cell.settings.examples > 0; });
  if (gang_.alone() && !fixed_set) network->draw_there(tasks);
  return network;
}

// Fresh sequences from this step on, each step a batch.
void Pack::choose_batches(DeviceBatches& batches) {
  std::vector<DeviceBatches::Range> ranges;
  for (const Cell& cell : cells_)
    ranges.push_back({cell.data->key(), Stream::train, (step_ - 1) * cell.settings.batch, cell.training ? std::numeric_limits<std::int64_t>::max() : 0});
  batches.set(ranges);
}

// Their learning rates are worked out here, whatever the device: its cosines may differ.
void Pack::prepare_updates() {
  std::vector<kernels::Update<float>> updates;
  prepared_ = memory_->mirror() ? step_ + kernels::kMostAhead - 1 : step_;
  for (std::int64_t step = step_; step <= prepared_; ++step)
    for (std::size_t m = 0; m < cells_.size(); ++m) {
      const TrainSettings& s = cells_[m].settings;
      const std::int64_t at = static_cast<std::int64_t>(m) * stride_;
      updates.push_back({.method = s.method, .segments = segments_.data(), .count = static_cast<int>(segments_.size()),
                         .w = weights_ + at, .g = grads_ + at, .m = first_ + at, .v = second_ + at,
                         .size = stride_, .step = cells_[m].training ? step : 0, .learning_rate = s.rate_at(step), .weight_decay = s.weight_decay,
                         .clip = s.clip, .loss = gang_.alone() ? network_->losses_there() + m : gang_loss_, .record = records_ + m});
    }
  memory_->prepare(updates);
}

}  // namespace phasegrid::worker
