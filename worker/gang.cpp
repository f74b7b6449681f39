#include "worker/gang.hpp"

#include <algorithm>

namespace phasegrid::worker {

void Gang::reserve(std::int64_t numbers, std::size_t size, std::int64_t batches) {
  if (!replicas_) return;
  replicas_->reserve(std::max(static_cast<std::size_t>(numbers) * size, static_cast<std::size_t>(batches) * sizeof(BatchSums)));
}

double Gang::mean_loss(double own, std::int64_t scored) {
  if (!replicas_) return own;
  const BatchSums mine{own, 0, scored};
  const Gathering all = replicas_->all_gather_here(&mine, sizeof mine);
  std::int64_t total = 0;
  for (int r = 0; r < replicas_->count(); ++r) total += all.of<BatchSums>(r)->scored;
  const auto weight = [&](std::int64_t part) { return total > 0 ? static_cast<double>(part) / static_cast<double>(total) : 0.0; };
  double loss = 0;
  for (int r = 0; r < replicas_->count(); ++r) loss += weight(all.of<BatchSums>(r)->scored) * all.of<BatchSums>(r)->loss;
  weight_ = weight(scored);
  return loss;
}

void Gang::collect(std::vector<BatchSums>& sums) {
  if (!replicas_ || sums.empty()) return;
  const Gathering all = replicas_->all_gather_here(sums.data(), sums.size() * sizeof(BatchSums));
  for (std::size_t k = 0; k < sums.size(); ++k) sums[k] = all.of<BatchSums>(static_cast<int>(k % static_cast<std::size_t>(replicas_->count())))[k];
}

bool Gang::all(bool yes) {
  if (!replicas_) return yes;
  const BatchSums mine{0, yes ? 1 : 0, 0};
  const Gathering all = replicas_->all_gather_here(&mine, sizeof mine);
  bool every = true;
  for (int r = 0; r < replicas_->count(); ++r) every &= all.of<BatchSums>(r)->right == 1;
  return every;
}

}  // namespace phasegrid::worker
