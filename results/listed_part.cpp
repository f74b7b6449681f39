#include "results/listed_part.hpp"

#include "results/analysis/boundary_plan.hpp"

namespace phasegrid::results {
namespace {

// Of every result but curves, diagnostics and the like, which only those on listed values keep.
analysis::BoundaryPlan replay(const sweeps::Grid& grid, const RunState& state) {
  analysis::BoundaryPlan plan(grid, state.provenance.shard);
  for (const auto& [cell, result] : state.results)
    if (cell < grid.size()) plan.know(result);
  plan.advance();
  return plan;
}

}  // namespace

ListedPart listed_part(const sweeps::Grid& grid, const RunState& state) {
  ListedPart part{grid.listed(), {}};
  RunState& to = part.state;
  to.sweep_text = state.sweep_text, to.sweep_file = state.sweep_file;
  to.sweep_hash = state.sweep_hash, to.sweep_canonical = state.sweep_canonical;
  to.provenance = state.provenance, to.notes = state.notes, to.warnings = state.warnings;
  to.generation = state.generation, to.origins = state.origins, to.origin_now = state.origin_now;
  for (const auto& [cell, result] : state.results) {
    const auto place = cell < grid.size() ? grid.to_listed(cell) : std::nullopt;
    if (!place) continue;
    to.results.emplace(*place, result).first->second.index = *place;
    if (const auto origin = state.origin_of.find(cell); origin != state.origin_of.end())
      to.origin_of.emplace(*place, origin->second);
  }
  for (Attempt attempt : state.attempts) {
    const auto place = attempt.cell < grid.size() ? grid.to_listed(attempt.cell) : std::nullopt;
    if (place) attempt.cell = *place, to.attempts.push_back(std::move(attempt));
  }
  const analysis::BoundaryPlan plan = replay(grid, state);
  for (std::uint64_t cell = 0; cell < grid.size(); ++cell) {
    const auto place = grid.to_listed(cell);
    if (!place || to.results.contains(*place) || !plan.inferred(cell)) continue;
    sweeps::CellResult result;
    result.index = *place, result.status = sweeps::Status::inferred;
    to.results.emplace(*place, std::move(result));
  }
  return part;
}

}  // namespace phasegrid::results
