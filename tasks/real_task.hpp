// What the tasks with real-valued sequences share: one number at each position, the answer asked for at the last one.
#pragma once
#include <span>

#include "tasks/options.hpp"

namespace phasegrid::tasks {

class RealTask : public Task {
 public:
  RealTask(int T, int outputs) : T_(T), outputs_(outputs) {}
  int vocab() const override { return 0; }
  int channels() const override { return 1; }
  int outputs() const override { return outputs_; }
  int T() const override { return T_; }
  int most_scored() const override { return 1; }

 protected:
  // The numbers that are fixed for a seed: the same in training, validation and test.
  static kernels::Random fixed(const kernels::Random& random) {
    return {random.key(), static_cast<std::uint32_t>(Stream::target), 0};
  }
  // Room for the next sequence's numbers.
  std::span<float> next(Batch& batch) const {
    const std::size_t row = batch.inputs.size();
    batch.inputs.resize(row + T_);
    return {batch.inputs.data() + row, static_cast<std::size_t>(T_)};
  }
  void answer(Batch& batch, std::span<const float> values) const {
    batch.score(T_ - 1, values);
    batch.end_sequence();
  }

  int T_, outputs_;
};

inline bool always_real(const Options&) { return true; }

}  // namespace phasegrid::tasks
