// An analysis as a terminal shows it and as one JSON object.
#pragma once
#include <iosfwd>

#include "results/analysis/report.hpp"

namespace phasegrid::orchestrator {

void print_analysis(const results::analysis::Report& report, const sweeps::Grid& grid, std::ostream& out);
void print_analysis_json(const results::analysis::Report& report, const sweeps::Grid& grid, std::ostream& out);

}  // namespace phasegrid::orchestrator
