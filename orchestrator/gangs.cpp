#include "orchestrator/gangs.hpp"

#include <algorithm>

namespace phasegrid::orchestrator {

int Gangs::count(const std::set<SlotId>& slots, SlotId id) const {
  if (across_ranks_) return static_cast<int>(slots.size());
  return static_cast<int>(std::distance(slots.lower_bound({id.rank, 0}), slots.lower_bound({id.rank + 1, 0})));
}

int Gangs::most_slots() const {
  int most = 0;
  for (auto id = slots_.begin(); id != slots_.end(); id = across_ranks_ ? slots_.end() : slots_.lower_bound({id->rank + 1, 0}))
    most = std::max(most, count(slots_, *id));
  return most;
}

bool Gangs::may_run(SlotId id, std::size_t kind, int replicas, std::size_t jobs, const std::set<SlotId>& free) const {
  if (count(slots_, id) < replicas) return false;
  if (enough(id, replicas, free)) return true;
  std::size_t elsewhere = 0;
  for (const auto& [domain, other] : gathering_) elsewhere += domain != this->domain(id) && other == kind;
  return elsewhere < jobs;
}

std::vector<SlotId> Gangs::form(SlotId id, int replicas, const std::set<SlotId>& free) {
  std::vector<SlotId> members{id};
  for (const SlotId& other : free) {
    if (static_cast<int>(members.size()) == replicas) break;
    if (other != id && domain(other) == domain(id)) members.push_back(other);
  }
  for (const SlotId& member : members) leader_[member] = id;
  members_[id] = members;
  stop_gathering(id);
  return members;
}

SlotId Gangs::leader(SlotId id) const {
  const auto found = leader_.find(id);
  return found == leader_.end() ? id : found->second;
}

std::vector<SlotId> Gangs::others(SlotId id) const {
  std::vector<SlotId> others;
  if (const auto found = members_.find(leader(id)); found != members_.end()) others = found->second;
  std::erase(others, id);
  return others;
}

void Gangs::leave(SlotId id) {
  const auto found = leader_.find(id);
  if (found == leader_.end()) return;
  std::erase(members_[found->second], id);
  leader_.erase(found);
}

std::vector<SlotId> Gangs::dissolve(SlotId id) {
  const std::vector<SlotId> others = this->others(id);
  members_.erase(leader(id));
  leader_.erase(id);
  for (const SlotId& other : others) leader_.erase(other);
  return others;
}

}  // namespace phasegrid::orchestrator
