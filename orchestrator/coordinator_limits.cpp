// Cells that take absurdly long.
#include <algorithm>

#include "orchestrator/coordinator.hpp"

namespace phasegrid::orchestrator {

// The limit of a pack is that of a full one: a small pack may take as long as a large one. That of a cell that goes on
// from a checkpoint is that of the whole: should the checkpoint be damaged, it begins again.
double Coordinator::time_limit(const Slot& slot) const {
  double cost = 0;
  for (const Job& job : slot.jobs) cost += job.cost;
  const Job& first = slot.jobs.front();
  const double cells = static_cast<double>(slot.jobs.size());
  const double full = first.replicas > 1 ? 1 : first.most > 0 ? std::min(policy_.pack, first.most) : policy_.pack;
  return limits_.limit(first.family, slot.node, cost / cells * std::max(cells, full));
}

Actions Coordinator::over_time(double now) {
  Actions actions;
  if (stopping_) return actions;
  for (auto& [id, slot] : slots_) {
    if (slot.jobs.empty() || slot.over_time) continue;
    const double limit = time_limit(slot), seconds = now - slot.started;
    if (seconds <= limit) continue;
    slot.over_time = true;
    actions.emplace_back(TimeUp{id, seconds, limit});
  }
  return actions;
}

bool Coordinator::timed_out(SlotId id) const {
  const auto slot = slots_.find(gangs_.leader(id));
  return slot != slots_.end() && slot->second.over_time;
}

}  // namespace phasegrid::orchestrator
