// A report as the group /analysis of a results file (docs/analysis.md, section 6).
#pragma once
#include "results/analysis/report.hpp"
#include "results/labelled_group.hpp"

namespace phasegrid::results::analysis {

LabelledGroup to_group(const Report& report, const sweeps::Grid& grid);

}  // namespace phasegrid::results::analysis
