#include "orchestrator/version.hpp"

namespace phasegrid::orchestrator {

std::string version() { return PHASEGRID_VERSION; }
std::string git_hash() { return PHASEGRID_GIT_HASH; }
std::string compiler() { return PHASEGRID_COMPILER; }

}  // namespace phasegrid::orchestrator
