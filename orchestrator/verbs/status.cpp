// How far a run is, from its journals alone.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <iostream>
#include <memory>

#include "orchestrator/tally.hpp"
#include "orchestrator/verbs/verbs.hpp"
#include "orchestrator/wanted.hpp"
#include "results/run_folder.hpp"
#include "sweeps/grid.hpp"
#include "worker/schema.hpp"

namespace phasegrid::orchestrator {
namespace {

struct Arguments {
  std::string directory;
  bool json = false, missing = false, exit_code = false;
};

struct Counts {
  std::vector<std::uint64_t> by_status = std::vector<std::uint64_t>(8);
  std::vector<std::uint64_t> missing;
  std::uint64_t cells = 0, infeasible = 0, failed = 0, recorded = 0;
};

Counts count(const Wanted& wanted, const results::RunState& state) {
  Counts counts;
  wanted.visit([&](std::uint64_t cell, bool possible) {
    ++counts.cells;
    if (!possible) {
      ++counts.infeasible;
      return;
    }
    const auto found = state.results.find(cell);
    if (found == state.results.end() || found->second.status == sweeps::Status::pending) {
      counts.missing.push_back(cell);
      return;
    }
    counts.failed += counts_as_failed(found->second.status);
    if (found->second.status == sweeps::Status::infeasible) {  // in that run, for want of slots
      ++counts.infeasible;
      return;
    }
    ++counts.recorded;
    ++counts.by_status[static_cast<std::size_t>(found->second.status)];
  });
  return counts;
}

nlohmann::ordered_json end_json(double x) {
  return std::isinf(x) ? nlohmann::ordered_json("inf") : nlohmann::ordered_json(x);
}

nlohmann::ordered_json search_json(const results::analysis::BoundaryPlan& plan) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < plan.columns(); ++i) {
    const auto column = plan.column(i);
    nlohmann::ordered_json probed = nlohmann::ordered_json::array();
    for (const auto& [value, seeds] : column.probed) probed.push_back({value, seeds});
    all.push_back({{"column", column.label}, {"found", column.done}, {"boundary", end_json(column.x)},
                   {"low", end_json(column.low)}, {"high", end_json(column.high)}, {"monotone", column.monotone},
                   {"asked", column.asked}, {"counted_cost", column.cost}, {"probed", probed}});
  }
  return {{"columns", plan.columns()}, {"columns_found", plan.columns_done()}, {"asked", plan.asked()},
          {"counted_cost", plan.cost()}, {"cells_left", plan.cells_left()}, {"by_column", all}};
}

// How the last coordinator ended, in its own words; "" while it works, or if it was killed.
std::string last_end(const results::RunState& state) {
  for (auto note = state.notes.rbegin(); note != state.notes.rend(); ++note) {
    if (note->kind == "end") return note->text;
    if (note->kind == "begin") break;
  }
  return "";
}

nlohmann::ordered_json to_json(const sweeps::Grid& grid, const results::RunState& state, const Counts& counts) {
  nlohmann::ordered_json json{{"sweep", grid.name()},           {"hash", grid.hash()},
                              {"cells", counts.cells},          {"recorded", counts.recorded},
                              {"missing", counts.missing.size()}, {"infeasible", counts.infeasible},
                              {"failed", counts.failed},        {"generation", state.generation},
                              {"device_kind", state.provenance.device_kind}};
  for (std::size_t s = 0; s < counts.by_status.size(); ++s) {
    json["status"][to_text(static_cast<sweeps::Status>(s))] = counts.by_status[s];
  }
  json["status"]["pending"] = counts.missing.size();
  json["status"]["infeasible"] = counts.infeasible;
  if (!state.provenance.shard.whole()) json["shard"] = sweeps::to_text(state.provenance.shard);
  json["checkpoints"] = state.checkpoints.size();
  json["progress"] = counts.recorded + state.checkpoints_taken;
  json["ended"] = last_end(state);
  json["warnings"] = state.warnings;
  return json;
}

void print(const std::string& directory, const sweeps::Grid& grid, const results::RunState& state,
           const Counts& counts) {
  const std::string shard =
      state.provenance.shard.whole() ? "" : ", shard " + sweeps::to_text(state.provenance.shard);
  fmt::print("{}{}: {} cells, {} recorded, {} missing\n", grid.name(), shard, counts.cells, counts.recorded,
             counts.missing.size());
  for (std::size_t s = 0; s < counts.by_status.size(); ++s) {
    if (counts.by_status[s] > 0)
      fmt::print("  {:<14} {}\n", to_text(static_cast<sweeps::Status>(s)), counts.by_status[s]);
  }
  if (counts.infeasible > 0) fmt::print("  {:<14} {}\n", "infeasible", counts.infeasible);
  if (!state.checkpoints.empty()) fmt::print("  {:<14} {} of the missing cells go on from one\n", "checkpoints", state.checkpoints.size());
  fmt::print("  {} coordinator {}, device kind {}, started {}\n", state.generation,
             state.generation == 1 ? "life" : "lives", state.provenance.device_kind, state.provenance.started_utc);
  const std::string user = results::in_use_by(directory);
  const std::string end = last_end(state);
  fmt::print("  {}\n", !user.empty() ? "coordinated by " + user : "nobody works on it now" + (end.empty() ? "" : ": " + end));
  for (const auto& warning : state.warnings) fmt::print("  warning: {}\n", warning);
}

int status(const Arguments& args) {
  if (!results::is_run_folder(args.directory))
    throw results::RunError(args.directory + " is no run folder: expected one that `phasegrid run -o` has made");
  const results::RunState state = results::read_run(args.directory, results::Bulk::skip);
  const auto grid = sweeps::Grid::parse(state.sweep_text, state.sweep_file, worker::make_schema());
  const Wanted wanted(grid, state);
  const Counts counts = count(wanted, state);
  if (args.json) {
    auto json = to_json(grid, state, counts);
    if (wanted.search()) json["search"] = search_json(*wanted.search());
    json["in_use_by"] = results::in_use_by(args.directory);
    if (args.missing) json["missing_cells"] = counts.missing;
    std::cout << json.dump(1) << "\n";
  } else {
    print(args.directory, grid, state, counts);
    if (wanted.search()) fmt::print("  {}\n", search_text(*wanted.search()));
    if (args.missing) {
      for (const std::uint64_t cell : counts.missing) fmt::print("{} {}\n", cell, grid.label(cell));
    }
  }
  if (!args.exit_code) return 0;
  return !counts.missing.empty() ? 75 : counts.failed > 0 ? 3 : 0;
}

}  // namespace

void add_status(CLI::App& app, int& code) {
  auto args = std::make_shared<Arguments>();
  CLI::App* verb = app.add_subcommand("status", "Tell how far a run is, without touching it");
  verb->add_option("folder", args->directory, "The run folder")->required();
  verb->add_flag("--json", args->json, "Print one JSON object");
  verb->add_flag("--missing", args->missing, "List the cells that have no result yet");
  verb->add_flag("--exit-code", args->exit_code,
                 "Exit with 0: all done; 3: all done, some failed; 75: cells are missing");
  verb->callback([args, &code] { code = status(*args); });
}

}  // namespace phasegrid::orchestrator
