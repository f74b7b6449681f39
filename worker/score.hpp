// What an evaluation says about one model, gathered batch by batch.
//
//   tokens        accuracy = right / scored                                   loss = mean cross-entropy
//   real-valued   accuracy = R2 = 1 - sum (y - v)^2 / sum (v - mean v)^2      loss = mean squared error
//
// The sums of R2 run over scored positions and outputs, each output with its own mean. Targets that never change: 1 if every answer is
// exact, else 0.
#pragma once
#include <vector>

#include "tasks/task.hpp"

namespace phasegrid::worker {

struct Score { double accuracy, loss; };

class Scorer {
 public:
  void saw(const tasks::Batch& batch);                            // the targets
  void add(double loss, std::int64_t right, std::int64_t scored);  // what the network made of them: sums, see Network
  Score score() const;

 private:
  double loss_ = 0, right_ = 0, scored_ = 0;
  std::vector<double> sum_, squares_;   // of the targets, by output; empty: tokens
};

}  // namespace phasegrid::worker
