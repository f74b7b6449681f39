// Times as text, always UTC: "2025-03-01T12:00:00Z".
#pragma once
#include <string>

namespace phasegrid::results {

std::string utc_now();

}  // namespace phasegrid::results
