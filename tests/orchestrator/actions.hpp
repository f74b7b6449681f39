// What tests of the coordinator look for among its actions.
#pragma once
#include <variant>
#include <vector>

#include "orchestrator/coordinator.hpp"

namespace phasegrid::orchestrator {

// The actions of one kind, in their order.
template <class Kind>
std::vector<Kind> all(const Actions& actions) {
  std::vector<Kind> found;
  for (const Action& action : actions) {
    if (const auto* one = std::get_if<Kind>(&action)) found.push_back(*one);
  }
  return found;
}

}  // namespace phasegrid::orchestrator
