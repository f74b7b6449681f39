#include "results/analysis/report.hpp"

#include <algorithm>

namespace phasegrid::results::analysis {

Report analyse(const sweeps::Grid& grid, const RunState& state, const Options& options) {
  Report report{options, make_study(grid, state), {0.5, 0.9, 0.99}, 0, {}, {}, {}, {}, {}, {}, {}};
  const Study& study = report.study;
  if (study.columns.empty())
    throw RunError(grid.name() + ": no training has ended yet, so there is nothing to analyse");
  if (std::ranges::count(report.levels, options.level) == 0) report.levels.push_back(options.level);
  std::ranges::sort(report.levels);
  report.at = static_cast<std::size_t>(std::ranges::find(report.levels, options.level) - report.levels.begin());

  for (const Column& column : study.columns) {
    std::vector<Transition>& found = report.transitions.emplace_back();
    for (const double level : report.levels) found.push_back(find_transition(study, column, level, options.replicates));
    report.gaps.push_back(find_gap(column, found[report.at]));
  }
  for (std::size_t group = 0; group < study.groups.size(); ++group) {
    if (auto scaling = fit_scaling(study, group, options.level)) report.scalings.push_back(std::move(*scaling));
    if (auto sharpness = fit_sharpness(study, group, options.level)) report.sharpness.push_back(*sharpness);
  }
  report.hard = check_hard_bound(study);
  report.constructions = check_constructions(study);
  report.verdicts = verdicts(report);
  return report;
}

}  // namespace phasegrid::results::analysis
