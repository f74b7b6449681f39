// What `plan` says of a boundary or a random search.
#include <fmt/format.h>

#include <algorithm>

#include "orchestrator/plan.hpp"
#include "results/analysis/boundary_plan.hpp"

namespace phasegrid::orchestrator {
namespace {

constexpr std::size_t kMostColumns = 24;

std::string budget_text(const sweeps::Search& search) {
  std::string text;
  if (search.budget > 0) text += fmt::format("{} cells", search.budget);
  if (search.budget_cost > 0)
    text += fmt::format("{}{:.3g} counted operations", text.empty() ? "" : ", ", search.budget_cost);
  return text.empty() ? "no budget" : "budget " + text;
}

std::string boundary_text(const sweeps::Grid& grid) {
  const sweeps::Search& search = grid.search();
  results::analysis::BoundaryPlan plan(grid);
  plan.advance();
  std::string text = fmt::format(
      "\nsearch        boundary along {} at accuracy {}: {} columns, {} probes of each in a round, {}\n"
      "              ends where the interval is {} octaves wide; about {} cells\n",
      search.axis, search.level, plan.columns(), plan.probes_per_round(), budget_text(search), search.tolerance,
      plan.cells_left());
  const auto axis = std::ranges::find(grid.axes(), search.axis, &sweeps::Axis::name);
  if (axis->between > 0)
    text += fmt::format("              {} integers between the listed values may be probed, too\n", axis->between);
  for (std::size_t i = 0; i < std::min(kMostColumns, plan.columns()); ++i) {
    const auto column = plan.column(i);
    text += fmt::format("  {:<30}  ", column.label.empty() ? "all" : column.label);
    if (column.guess) text += fmt::format("looks first near {} = {:.4g}, by theory\n", search.axis, *column.guess);
    else text += column.waits ? "starts from its neighbour's boundary\n" : "looks everywhere\n";
  }
  if (plan.columns() > kMostColumns) text += fmt::format("  ... and {} more columns\n", plan.columns() - kMostColumns);
  return text;
}

}  // namespace

std::string search_plan(const sweeps::Grid& grid) {
  if (grid.search().boundary()) return boundary_text(grid);
  if (grid.search().mode == "random")
    return fmt::format("\nsearch        {} of the runnable cells, drawn by the seed {}\n", grid.search().n,
                       grid.search().seed);
  return "";
}

}  // namespace phasegrid::orchestrator
