// The name of a slot: the rank of its agent, and its number there.
#pragma once
#include <compare>

namespace phasegrid::orchestrator {

struct SlotId {
  int rank = 0, slot = 0;
  auto operator<=>(const SlotId&) const = default;
};

}  // namespace phasegrid::orchestrator
