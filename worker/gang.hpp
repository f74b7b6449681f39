// What a replica does differently from one that trains alone. With g replicas and a batch of n sequences
//
//   share       replica r trains on sequences [n r / g, n (r + 1) / g) of the batch, the same ones that a single trainer would draw
//   loss        sum_r (Q_r / Q) loss_r           Q_r: scored positions of its share, Q = sum_r Q_r
//   gradient    sum_r (Q_r / Q) gradient_r       both sums in the order of replicas, at every replica the same bits
//   evaluation  batch k is replica k mod g's; its sums are gathered and added in the order of batches, as a single trainer adds them
//
// Then every replica takes the same optimiser step and judges the same evaluation: their weights never differ. Alone (no Replicas), all of
// this is nothing.
#pragma once
#include <cstdint>
#include <vector>

#include "kernels/operations.hpp"
#include "worker/replicas.hpp"

namespace phasegrid::worker {

// Of a batch's sequences: [begin, end) is this replica's.
struct Share {
  int index = 0, count = 1;
  std::int64_t begin(std::int64_t sequences) const { return sequences * index / count; }
  std::int64_t end(std::int64_t sequences) const { return sequences * (index + 1) / count; }
  std::int64_t most(std::int64_t sequences) const { return (sequences + count - 1) / count; }   // of any replica
};

// What one evaluation batch adds to a score.
struct BatchSums {
  double loss = 0;
  std::int64_t right = 0, scored = 0;
};

class Gang {
 public:
  explicit Gang(Replicas* replicas = nullptr) : replicas_(replicas) {}
  Share share() const { return replicas_ ? Share{replicas_->index(), replicas_->count()} : Share{}; }
  bool alone() const { return !replicas_; }
  bool leads() const { return share().index == 0; }   // its results are the gang's

  // Room for a gradient of so many numbers of `size` bytes, and for an evaluation of so many batches.
  void reserve(std::int64_t numbers, std::size_t size, std::int64_t batches);
  bool ready() const { return replicas_ && replicas_->room() > 0; }
  // The loss of the whole batch, not a number if any replica's is not. Remembers the share's weight for sum().
  double mean_loss(double own, std::int64_t scored);
  // The gradient of the whole batch, in place.
  template <class Real>
  void sum(const kernels::Operations<Real>& operations, Real* gradient, std::int64_t size) {
    if (!replicas_) return;
    operations.replica_sum({.parts = gradient, .scale = weight_, .sum = gradient, .size = size});
    const std::size_t bytes = static_cast<std::size_t>(size) * sizeof(Real);
    const Gathering all = replicas_->all_gather(gradient, bytes);
    operations.replica_sum({.parts = all.of<Real>(0), .stride = static_cast<std::int64_t>(all.stride / sizeof(Real)), .count = replicas_->count(), .sum = gradient, .size = size});
  }
  // Is evaluation batch k this replica's? The sums of all batches, from those of its own.
  bool mine(std::int64_t k) const { return !replicas_ || k % replicas_->count() == replicas_->index(); }
  void collect(std::vector<BatchSums>& sums);
  // Whether all members agree.
  bool all(bool yes);

 private:
  Replicas* replicas_;
  double weight_ = 1;
};

}  // namespace phasegrid::worker
