// The coordinator when slots drop out and gangs with them, and cells that need more slots at once than there are.
#include <algorithm>

#include "orchestrator/coordinator.hpp"

namespace phasegrid::orchestrator {

void Coordinator::break_up(SlotId id, Actions& actions) {
  for (const SlotId& other : gangs_.dissolve(id))
    if (!stopping_) actions.emplace_back(GiveUp{other});   // stopping: it was told so before
}

Actions Coordinator::abandoned(SlotId id, double now) {
  const SlotId leader = gangs_.leader(id);
  Actions actions;
  break_up(id, actions);
  Actions more = take_back(leader, now);
  std::move(more.begin(), more.end(), std::back_inserter(actions));
  return actions;
}

Actions Coordinator::slot_lost(SlotId id, double now) {
  waiting_.erase(id);
  gangs_.lost(id), gangs_.stop_gathering(id);
  const auto slot = slots_.find(id);
  const int node = slot == slots_.end() ? -1 : slot->second.node;
  Actions actions = abandoned(id, now);
  slots_.erase(id);
  if (node >= 0) {
    free_node(node);
    give_waiting(actions, now);
  }
  return actions;
}

Actions Coordinator::rank_lost(int rank, double now) {
  Actions actions;
  std::vector<SlotId> lost;
  for (auto slot = slots_.lower_bound({rank, 0}); slot != slots_.end() && slot->first.rank == rank; ++slot) {
    lost.push_back(slot->first);
    waiting_.erase(slot->first);  // all at once: none of them may be given the cells of another
    gangs_.lost(slot->first);
  }
  for (const SlotId& id : lost) {
    Actions more = slot_lost(id, now);
    std::move(more.begin(), more.end(), std::back_inserter(actions));
  }
  std::erase_if(actions, [&](const Action& action) {
    const auto* give_up = std::get_if<GiveUp>(&action);
    return give_up && give_up->slot.rank == rank;
  });
  return actions;
}

int Coordinator::slots_busy_with(SlotId id) const {
  const auto slot = slots_.find(id);
  return slot == slots_.end() || slot->second.jobs.empty() ? 1 : slot->second.jobs.front().replicas;
}

std::uint64_t Coordinator::too_wide() const {
  std::uint64_t cells = 0;
  for (const Bucket& bucket : buckets_)
    if (bucket.replicas > 1 && bucket.replicas > gangs_.most_slots()) cells += bucket.jobs.size();
  return cells;
}

Actions Coordinator::refuse_too_wide() {
  Actions actions;
  const int most = gangs_.most_slots();
  for (std::size_t b = 0; b < buckets_.size(); ++b) {
    Bucket& bucket = buckets_[b];
    if (bucket.replicas == 1 || bucket.replicas <= most) continue;
    const std::string reason = "replicas = " + std::to_string(bucket.replicas) + " needs as many slots" +
                               (policy_.gangs_across_ranks ? "" : " of one rank") + ", but there are " + std::to_string(most) +
                               ": start with --slots " + std::to_string(bucket.replicas) + " or more";
    while (!bucket.jobs.empty()) {
      actions.emplace_back(Refuse{bucket.jobs.begin()->cell, reason});
      take(bucket, bucket.jobs.begin());
    }
    rank(b);
  }
  return actions;
}

}  // namespace phasegrid::orchestrator
