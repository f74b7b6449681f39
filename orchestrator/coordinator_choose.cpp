// What a free slot gets, and whether anything will still be given out.
#include <algorithm>
#include <cmath>

#include "orchestrator/coordinator.hpp"

namespace phasegrid::orchestrator {

// The longest cell that ends before the deadline, or of which a part is to be run, and others that may run beside it.
std::vector<Job> Coordinator::choose(SlotId id, double now) {
  const int node = slots_[id].node;
  const double room = (deadline_ - now) / policy_.safety;
  const bool in_parts = deadline_ - now >= policy_.part;
  std::size_t best = buckets_.size(), left_over = best;   // left_over: holds the longest cell, which does not fit
  auto lead = std::set<Job, Order>::iterator{};
  double best_seconds = -1;
  for (const auto& [negative_head, b] : order_) {
    if (-negative_head <= best_seconds) break;  // later buckets hold only shorter cells
    Bucket& bucket = buckets_[b];
    if (bucket.node >= 0 && bucket.node != node) continue;
    if (bucket.replicas > 1 && !gangs_.may_run(id, b, bucket.replicas, bucket.jobs.size(), waiting_)) continue;
    const bool parts = in_parts && bucket.replicas == 1;   // a gang takes no checkpoints
    if (parts && left_over == buckets_.size()) left_over = b;
    const double rate = rates_[bucket.family].value();
    const bool too_long_for_any = parts && bucket.jobs.begin()->left() * rate * policy_.safety > policy_.whole;
    const auto first = std::isinf(room) || too_long_for_any ? bucket.jobs.begin()
                                                            : bucket.jobs.lower_bound(Job{.cell = 0, .cost = room / rate});
    if (first == bucket.jobs.end()) continue;
    best = b, lead = first, best_seconds = lead->left() * rates_[bucket.family].ranked;
  }
  if (best == buckets_.size()) {
    if (left_over == buckets_.size()) return {};
    best = left_over, lead = buckets_[best].jobs.begin();
  }

  Bucket& bucket = buckets_[best];
  if (bucket.replicas > 1 && !gangs_.enough(id, bucket.replicas, waiting_)) return gangs_.gather(id, best), std::vector<Job>{};
  gangs_.stop_gathering(id);
  const bool suspect = crashes_.contains(lead->cell);  // a cell that crashed once runs alone, so that it harms no other
  const auto fair_share =
      static_cast<std::size_t>((pending_ + slots_.size() - 1) / std::max<std::size_t>(slots_.size(), 1));
  const bool single = suspect || bucket.replicas > 1;
  const auto pack = static_cast<std::size_t>(lead->most > 0 ? std::min(policy_.pack, lead->most) : policy_.pack);
  const std::size_t most = single ? 1 : std::clamp<std::size_t>(fair_share, 1, pack);
  std::vector<Job> chosen;
  while (lead != bucket.jobs.end() && chosen.size() < most) {
    const auto next = std::next(lead);
    if (chosen.empty() || !crashes_.contains(lead->cell)) {
      chosen.push_back(*lead);
      take(bucket, lead);
    }
    lead = next;
  }
  rank(best);
  return chosen;
}

bool Coordinator::checkpointed(SlotId id, std::uint64_t cell, std::int64_t step, std::int64_t steps, bool on_its_node) {
  const auto slot = slots_.find(id);
  if (slot == slots_.end()) return false;
  for (Job& job : slot->second.jobs) {
    if (job.cell != cell) continue;
    constexpr double kMost = 0.99;  // the last step is not the end: tests and diagnostics follow
    job.done = steps > 0 ? std::min(kMost, static_cast<double>(step) / static_cast<double>(steps)) : 0;
    job.step = step;
    job.node = on_its_node ? slot->second.node : -1;
    bound_ |= job.node >= 0;
    return true;
  }
  return false;
}

void Coordinator::free_node(int node) {
  for (const auto& [id, slot] : slots_)
    if (slot.node == node) return;
  std::vector<Job> jobs;
  for (Bucket& bucket : buckets_) {
    if (bucket.node != node) continue;
    while (!bucket.jobs.empty()) {
      jobs.push_back(*bucket.jobs.begin());
      take(bucket, bucket.jobs.begin());
    }
  }
  for (std::size_t b = 0; b < buckets_.size(); ++b)
    if (buckets_[b].node == node) rank(b);
  for (Job& job : jobs) {
    job.done = 0, job.step = 0, job.node = -1;
    put(job);
  }
}

bool Coordinator::stuck(double now) const {
  if (running_ > 0 || pending_ == 0) return false;
  if (stopping_ || slots_.empty() || now >= deadline_) return true;
  if (waiting_.size() < slots_.size()) return false;  // a slot may still ask
  if (std::isinf(deadline_)) return pending_ == too_wide();
  for (const auto& bucket : buckets_) {
    if (bucket.jobs.empty() || bucket.replicas > gangs_.most_slots()) continue;
    if (bucket.replicas == 1 && deadline_ - now >= policy_.part) return false;
    if (now + predicted(*bucket.jobs.rbegin()) * policy_.safety <= deadline_) return false;
  }
  return true;
}

}  // namespace phasegrid::orchestrator
