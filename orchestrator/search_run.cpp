#include "orchestrator/search_run.hpp"

#include <fmt/format.h>

#include <cmath>

#include "orchestrator/wanted.hpp"

namespace phasegrid::orchestrator {

SearchRun::SearchRun(const sweeps::Grid& grid, const sweeps::Shard& shard, const sweeps::Rates& rates, int pack,
                     PackSize pack_size)
    : grid_(grid), make_(grid, rates, pack, std::move(pack_size)), plan_(grid, shard), said_(plan_.columns()) {}

std::vector<Job> SearchRun::jobs(const std::vector<std::uint64_t>& cells) {
  std::vector<Job> jobs;
  for (const std::uint64_t cell : cells) jobs.push_back(make_(cell, grid_.cell(cell).settings));
  return jobs;
}

JobList SearchRun::begin(const results::RunState& state,
                         const std::function<std::optional<Took>(std::uint64_t)>& took) {
  JobList list;
  for (const auto& [cell, result] : state.results) {
    const auto kept = cell < grid_.size() ? took(cell) : std::nullopt;
    if (!kept) continue;
    plan_.know(result);
    list.keep(make_(cell, grid_.cell(cell).settings), *kept);
  }
  list.jobs = jobs(plan_.advance());
  list.families = make_.families();
  news();
  return list;
}

std::vector<Job> SearchRun::told(const sweeps::CellResult& result) {
  plan_.know(result);
  return jobs(plan_.advance());
}

std::vector<std::string> SearchRun::news() {
  std::vector<std::string> news;
  for (std::size_t i = 0; i < said_.size(); ++i) {
    if (said_[i]) continue;
    const auto column = plan_.column(i);
    if (!column.done) continue;
    said_[i] = true;
    const std::string& axis = grid_.search().axis;
    std::string text = column.label.empty() ? "" : column.label + ": ";
    if (column.low == 0 && std::isinf(column.high)) text += fmt::format("no boundary along {} seen", axis);
    else if (column.low == 0) text += fmt::format("{}* below {:.4g}", axis, column.high);
    else if (std::isinf(column.high)) text += fmt::format("{}* above {:.4g}", axis, column.low);
    else text += fmt::format("{}* = {:.4g} [{:.4g}, {:.4g}]", axis, column.x, column.low, column.high);
    text += fmt::format(" after {} cells", column.asked);
    if (column.out_of_budget) text += ", out of budget";
    if (!column.monotone) text += "; success does not only grow along it";
    news.push_back(std::move(text));
  }
  return news;
}

std::string SearchRun::text() const { return search_text(plan_); }

Eta SearchRun::left(double mean_seconds, std::size_t slots) const {
  const double seconds =
      static_cast<double>(plan_.cells_left()) * mean_seconds / static_cast<double>(std::max<std::size_t>(slots, 1));
  return {seconds, seconds / std::sqrt(1 + static_cast<double>(plan_.columns_done()))};
}

}  // namespace phasegrid::orchestrator
