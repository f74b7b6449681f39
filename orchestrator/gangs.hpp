// Cells that need several slots at once: where the slots of a gang come from, and who is in which gang.
//
// Members of a gang come from one domain: the slots of one rank, whose executors share memory, or all slots where GPUs talk by NCCL.
// A domain that is to run a gang next gathers: its slots that become free wait until there are enough. It cannot wait for ever, nor two
// domains for each other: what runs in a domain ends, none holds slots of another, and no more domains gather for a kind of gang than gangs
// of that kind wait.
#pragma once
#include <cstddef>
#include <map>
#include <set>
#include <vector>

#include "orchestrator/slot_id.hpp"

namespace phasegrid::orchestrator {

class Gangs {
 public:
  explicit Gangs(bool across_ranks) : across_ranks_(across_ranks) {}

  void joined(SlotId id) { slots_.insert(id); }     // the slot exists
  void lost(SlotId id) { slots_.erase(id); }
  int most_slots() const;                           // of any domain: no larger gang can run

  // May the domain of this slot run one of the `jobs` gangs of a kind next, or gather for it? `free`: slots without work.
  bool may_run(SlotId id, std::size_t kind, int replicas, std::size_t jobs, const std::set<SlotId>& free) const;
  bool enough(SlotId id, int replicas, const std::set<SlotId>& free) const { return count(free, id) >= replicas; }
  void gather(SlotId id, std::size_t kind) { gathering_[domain(id)] = kind; }
  void stop_gathering(SlotId id) { gathering_.erase(domain(id)); }
  bool gathers(SlotId id) const { return gathering_.contains(domain(id)); }

  // A gang of enough() free slots, this one leading.
  std::vector<SlotId> form(SlotId id, int replicas, const std::set<SlotId>& free);
  SlotId leader(SlotId id) const;                   // of its gang; itself where it is in none
  std::vector<SlotId> others(SlotId id) const;      // of its gang
  void leave(SlotId id);                            // it has done its part
  std::vector<SlotId> dissolve(SlotId id);          // its gang is no more: the others that were in it

 private:
  int domain(SlotId id) const { return across_ranks_ ? 0 : id.rank; }
  int count(const std::set<SlotId>& slots, SlotId id) const;   // of the slot's domain

  bool across_ranks_;
  std::set<SlotId> slots_;
  std::map<int, std::size_t> gathering_;            // domain -> kind of gang
  std::map<SlotId, SlotId> leader_;                 // of each member, the leader included
  std::map<SlotId, std::vector<SlotId>> members_;   // by leader, who is first
};

}  // namespace phasegrid::orchestrator
