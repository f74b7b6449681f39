// Rank 0's part in gangs: who is told what, and what is said about cells that need more slots than there are.
#include "orchestrator/director.hpp"

namespace phasegrid::orchestrator {

void Director::start_gang(const HandOut& action) {
  Assign message{.slot = 0, .cells = action.cells};
  message.gang = ++gangs_, message.replicas = static_cast<std::int32_t>(action.gang.size());
  for (const SlotId& member : action.gang) {
    utilisation_.set(member, Doing::busy, now_);
    message.slot = member.slot;
    tell(member.rank, message);
    ++message.replica;
  }
}

void Director::pass_on(int rank, const GangKey& key) {
  const SlotId leader{rank, key.slot};
  for (const SlotId& other : coordinator_->gang_beside(leader)) tell(other.rank, GangKey{other.slot, key.gang, key.bytes});
}

void Director::act(const Refuse& action) {
  sweeps::CellResult result;
  result.index = action.cell;
  result.status = sweeps::Status::infeasible;
  result.reason = action.reason;
  record(result, "coordinator");
}

}  // namespace phasegrid::orchestrator
