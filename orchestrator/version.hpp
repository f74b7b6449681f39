// What this binary was built from.
#pragma once
#include <string>

namespace phasegrid::orchestrator {

std::string version();     // "0.1.0"
std::string git_hash();    // "5bf98c1", with "-dirty" if the tree had changes; "unknown" outside a repository
std::string compiler();    // "GCC 12.2.0"

}  // namespace phasegrid::orchestrator
