#include "orchestrator/wanted.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sweeps/drawn_cells.hpp"

namespace phasegrid::orchestrator {

using results::analysis::BoundaryPlan;

Wanted::Wanted(const sweeps::Grid& grid, const results::RunState& state)
    : grid_(grid), shard_(state.provenance.shard) {
  if (grid.search().mode == "random") {
    cells_ = sweeps::drawn_cells(grid);
    std::erase_if(cells_, [&](std::uint64_t cell) { return !shard_.has(cell); });
  }
  if (!grid.search().boundary()) return;
  plan_ = std::make_unique<BoundaryPlan>(grid, shard_);
  for (const auto& [cell, result] : state.results) {
    if (cell >= grid.size()) continue;
    plan_->know(result);
    cells_.push_back(cell);
  }
  plan_->advance();
  const auto missing = plan_->missing();
  cells_.insert(cells_.end(), missing.begin(), missing.end());
  std::ranges::sort(cells_);
  cells_.erase(std::unique(cells_.begin(), cells_.end()), cells_.end());
}

void Wanted::visit(const std::function<void(std::uint64_t, bool)>& f) const {
  if (grid_.search().mode != "grid") {
    for (const std::uint64_t cell : cells_) f(cell, true);
    return;
  }
  const std::uint64_t seeds = grid_.axes().back().size();
  grid_.visit_groups([&](std::uint64_t first, const sweeps::Settings&, const std::string& reason) {
    for (std::uint64_t cell = first; cell < first + seeds; ++cell)
      if (shard_.has(cell)) f(cell, reason.empty());
  });
}

bool Wanted::has(std::uint64_t cell) const {
  return grid_.search().mode == "grid" ? shard_.has(cell) : std::ranges::binary_search(cells_, cell);
}

std::string Wanted::why_not(std::uint64_t cell) const {
  if (plan_ && plan_->inferred(cell)) return "the search of its column has ended and knows what it would give";
  if (plan_ && plan_->finished()) return "the search has ended without it";
  if (plan_) return "the search has not asked for it so far";
  if (grid_.search().mode == "random") return "it was not drawn";
  return "it belongs to another shard";
}

std::string search_text(const BoundaryPlan& plan) {
  std::string text = fmt::format("{} of {} columns found", plan.columns_done(), plan.columns());
  if (!plan.finished()) text += fmt::format(", about {} cells to go", plan.cells_left());
  return text;
}

}  // namespace phasegrid::orchestrator
