#include "orchestrator/crowd.hpp"

#include "worker/run_pack.hpp"

namespace phasegrid::orchestrator {

Crowd::Crowd(int ranks, std::string sweep_hash, Train train)
    : ranks_(ranks), hash_(std::move(sweep_hash)), train_(std::move(train)) {
  for (int rank = 0; rank < ranks; ++rank)
    say(rank, Hello{"simulated", 0, ranks, worker::cpu_kinds(), worker::kNumericsVersion, "simulated"});
}

bool Crowd::receive(Parcel& parcel) {
  while (said_.empty() && !to_do_.empty()) {
    const Parcel message = std::move(to_do_.front());
    to_do_.pop_front();
    answer(message);
  }
  if (said_.empty()) return false;
  parcel = std::move(said_.front());
  said_.pop_front();
  return true;
}

void Crowd::answer(const Parcel& message) {
  const int rank = message.from;  // to whom it was sent
  switch (kind_of(message.bytes)) {
    case Kind::setup:
      say(rank, Ready{hash_, ""});
      return say(rank, Free{0});
    case Kind::assign:
      for (const std::uint64_t cell : decode<Assign>(message.bytes).cells) say(rank, Finished{0, train_(cell)});
      return say(rank, Free{0});
    case Kind::abandon:
      return say(rank, Abandoned{0});
    default:
      return;
  }
}

}  // namespace phasegrid::orchestrator
