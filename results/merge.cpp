#include "results/merge.hpp"

#include <algorithm>
#include <set>
#include <tuple>

#include "results/history.hpp"
#include "results/run_folder.hpp"

namespace phasegrid::results {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFlushEvery = 10'000;  // results

using AttemptKey = std::tuple<std::uint64_t, std::string, std::string, std::string>;
AttemptKey key_of(const Attempt& a) { return {a.cell, a.started_utc, a.where, a.outcome}; }

void check_source(const fs::path& folder, const RunState& state, const sweeps::Grid& grid, const Origin& first,
                  bool accept_mixed) {
  if (state.sweep_hash != grid.hash())
    throw RunError(folder.string() + ": holds another sweep, so it cannot be merged with the first folder:" +
                   sweep_difference(grid.canonical(), state.sweep_canonical));
  for (const auto& [cell, result] : state.results)
    if (!accept_mixed && !(state.origin(cell) == first))
      throw RunError(folder.string() + ": its results are of " + describe(state.origin(cell)) +
                     ", those of the first folder of " + describe(first) +
                     ", whose bits differ; leave it out, or merge with --accept-mixed");
}

class Merger {
 public:
  Merger(RunFolder& target, const sweeps::Grid& grid, Merged& report) : target_(target), grid_(grid), report_(report) {
    for (const Attempt& attempt : target.state().attempts) known_.insert(key_of(attempt));
  }

  void add(const fs::path& folder, const RunState& state) {
    Merged::Source& source = report_.sources.emplace_back(Merged::Source{folder, state.results.size()});
    std::unordered_map<std::uint64_t, const Attempt*> last;  // the attempt that gave the result
    for (const Attempt& attempt : state.attempts) {
      const auto result = state.results.find(attempt.cell);
      if (result != state.results.end() && attempt.outcome == sweeps::to_text(result->second.status))
        last[attempt.cell] = &attempt;
      else if (!attempt.outcome.empty() && known_.insert(key_of(attempt)).second)
        target_.adopt(attempt);
    }
    std::vector<std::uint64_t> cells;
    for (const auto& [cell, result] : state.results) cells.push_back(cell);
    std::ranges::sort(cells);
    for (const std::uint64_t cell : cells) {
      const Attempt unknown{cell, 1, "", "", "", ""};
      take(source, state.results.at(cell), last.contains(cell) ? *last[cell] : unknown, state.origin(cell));
    }
    target_.note("merge", folder.string() + ": " + std::to_string(source.taken) + " results taken, " +
                              std::to_string(source.same) + " known before");
    target_.flush();
  }

 private:
  void take(Merged::Source& source, const sweeps::CellResult& result, const Attempt& attempt, const Origin& origin) {
    const auto known = target_.state().results.find(result.index);
    const bool is_new = known == target_.state().results.end() ||
                        (!is_final(known->second.status) && is_final(result.status));
    if (is_new) {
      target_.adopt(result, attempt, origin);
      if (++source.taken % kFlushEvery == 0) target_.flush();
      return;
    }
    if (!is_final(known->second.status) || !is_final(result.status)) return;  // what failed here may work elsewhere
    if (same_bits(known->second, result)) {
      ++source.same;
    } else if (!(target_.state().origin(result.index) == origin)) {
      ++report_.differ_by_origin;
    } else {
      report_.conflicts.push_back("cell " + std::to_string(result.index) + " (" + grid_.label(result.index) + "): " +
                                  source.folder.string() + " has accuracy " + std::to_string(result.accuracy) +
                                  ", loss " + std::to_string(result.loss) + "; kept are accuracy " +
                                  std::to_string(known->second.accuracy) + ", loss " +
                                  std::to_string(known->second.loss));
    }
  }

  RunFolder& target_;
  const sweeps::Grid& grid_;
  Merged& report_;
  std::set<AttemptKey> known_;
};

}  // namespace

Merged merge_runs(const std::vector<fs::path>& from, const fs::path& to, const sweeps::Grid& grid, bool accept_mixed) {
  Merged report;
  std::vector<RunState> states;
  for (const fs::path& folder : from) {
    if (fs::exists(to) && fs::equivalent(folder, to))
      throw RunError(to.string() + ": is to be merged into itself; name the other folders only");
    states.push_back(read_run(folder));
    for (const std::string& warning : states.back().warnings) report.warnings.push_back(folder.string() + ": " + warning);
  }
  Provenance provenance = states.front().provenance;
  const Origin first{provenance.numerics_version, provenance.device_kind};
  for (std::size_t i = 0; i < from.size(); ++i) check_source(from[i], states[i], grid, first, accept_mixed);

  provenance.shard = {};
  RunFolder target = RunFolder::open(to, grid, provenance, accept_mixed);
  Merger merger(target, grid, report);
  for (std::size_t i = 0; i < from.size(); ++i) merger.add(from[i], states[i]);
  target.write_results();
  report.results = target.state().results.size();
  return report;
}

}  // namespace phasegrid::results
