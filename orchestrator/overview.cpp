#include "orchestrator/overview.hpp"

#include <time.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>

#include "orchestrator/tally.hpp"
#include "orchestrator/wanted.hpp"

namespace phasegrid::orchestrator {
namespace {

constexpr std::size_t kRecent = 200;  // results over which the speed is taken

void count_cells(const sweeps::Grid& grid, const results::RunState& state, Overview& view) {
  const Wanted wanted(grid, state);
  if (wanted.search()) view.search = search_text(*wanted.search()), view.left = wanted.search()->cells_left();
  wanted.visit([&](std::uint64_t cell, bool possible) {
    ++view.cells;
    if (!possible) {
      ++view.infeasible;
      return;
    }
    const auto found = state.results.find(cell);
    if (found == state.results.end() || found->second.status == sweeps::Status::pending) {
      ++view.missing;
      return;
    }
    const sweeps::CellResult& result = found->second;
    ++view.recorded;
    ++view.by_status[static_cast<std::size_t>(result.status)];
    if (result.status == sweeps::Status::done && !(result.accuracy <= view.best_accuracy))
      view.best_accuracy = result.accuracy, view.best_cell = cell;
  });
  if (!wanted.search()) view.left = view.missing;
}

void group_failures(const results::RunState& state, Overview& view) {
  std::map<std::string, Overview::Failure> groups;
  for (const auto& [cell, result] : state.results) {
    if (!counts_as_failed(result.status)) continue;
    ++view.failed;
    std::string kind = result.reason;
    std::erase_if(kind, [](unsigned char c) { return std::isdigit(c); });
    Overview::Failure& group = groups[kind];
    if (group.cells++ > 0 && cell > group.example) continue;
    group.reason = std::string(to_text(result.status)) + ": " + result.reason;
    group.example = cell;
  }
  for (auto& [kind, group] : groups) view.failures.push_back(std::move(group));
  std::ranges::sort(view.failures, std::greater(), &Overview::Failure::cells);
}

void follow_attempts(const results::RunState& state, Overview& view) {
  for (const results::Attempt& attempt : state.attempts) {
    if (attempt.outcome.empty()) view.running.push_back(&attempt);
    else if (!attempt.ended_utc.empty()) view.finished.push_back(&attempt);
    view.crashes += ended_without_result(attempt);
    view.interrupted += attempt.outcome == "interrupted";
  }
  std::ranges::stable_sort(view.finished, {}, &results::Attempt::ended_utc);
  std::ranges::stable_sort(view.running, {}, &results::Attempt::started_utc);
}

// Gaps between two coordinators count as work: this is no prediction, only a look back.
void extrapolate(Overview& view) {
  std::vector<const results::Attempt*> recent;
  for (auto a = view.finished.rbegin(); a != view.finished.rend() && recent.size() < kRecent; ++a)
    if (!ended_without_result(**a)) recent.push_back(*a);
  const std::size_t n = recent.size();
  if (n < 2) return;
  const double first = seconds_of_utc(recent.back()->ended_utc), last = seconds_of_utc(recent.front()->ended_utc);
  view.cells_per_second = static_cast<double>(n - 1) / std::max(1.0, last - first);
  view.seconds_left = static_cast<double>(view.left) / view.cells_per_second;
  view.seconds_error = view.seconds_left / std::sqrt(static_cast<double>(n));
}

}  // namespace

double seconds_of_utc(const std::string& utc) {
  tm parts{};
  const char* rest = strptime(utc.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  return rest == nullptr ? sweeps::kNaN : static_cast<double>(timegm(&parts));
}

bool ended_without_result(const results::Attempt& attempt) {
  return attempt.outcome.starts_with("crashed: ") || attempt.outcome.starts_with("timeout: ");
}

Overview overview(const sweeps::Grid& grid, const results::RunState& state) {
  Overview view;
  count_cells(grid, state, view);
  group_failures(state, view);
  follow_attempts(state, view);
  extrapolate(view);
  return view;
}

}  // namespace phasegrid::orchestrator
