#include "worker/score.hpp"

namespace phasegrid::worker {

void Scorer::saw(const tasks::Batch& batch) {
  const std::size_t outputs = static_cast<std::size_t>(batch.outputs);
  if (outputs == 0) return;
  sum_.resize(outputs), squares_.resize(outputs);
  for (std::size_t i = 0; i < batch.values.size(); ++i) {
    const double value = batch.values[i];
    sum_[i % outputs] += value, squares_[i % outputs] += value * value;
  }
}

void Scorer::add(double loss, std::int64_t right, std::int64_t scored) {
  loss_ += loss, right_ += static_cast<double>(right), scored_ += static_cast<double>(scored);
}

Score Scorer::score() const {
  if (sum_.empty()) return {right_ / scored_, loss_ / scored_};
  double spread = 0;   // sum of squared distances from the mean
  for (std::size_t o = 0; o < sum_.size(); ++o) spread += squares_[o] - sum_[o] * sum_[o] / scored_;
  const double error = loss_ * static_cast<double>(sum_.size());
  const double accuracy = spread > 0 ? 1 - error / spread : error == 0 ? 1.0 : error > 0 ? 0.0 : error;
  return {accuracy, loss_ / scored_};
}

}  // namespace phasegrid::worker
