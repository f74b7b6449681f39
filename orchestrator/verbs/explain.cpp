// What is known about one cell of a run: its settings, every attempt, its result or why it has none.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <memory>

#include "orchestrator/verbs/verbs.hpp"
#include "orchestrator/wanted.hpp"
#include "results/run_folder.hpp"
#include "sweeps/grid.hpp"
#include "worker/schema.hpp"

namespace phasegrid::orchestrator {
namespace {

struct Arguments {
  std::string directory, cell;
};

void print_settings(const sweeps::CellSpec& cell) {
  const auto section = [&](const char* name, sweeps::Section which) {
    const std::string text = cell.settings.canonical(which);
    if (!text.empty()) fmt::print("[{}]\n{}{}", name, text, text.ends_with('\n') ? "" : "\n");
  };
  section("task", sweeps::Section::task);
  section("model", sweeps::Section::model);
  section("train", sweeps::Section::train);
}

void print_result(const sweeps::CellResult& r) {
  fmt::print("result: {}{}\n", to_text(r.status), r.reason.empty() ? "" : ": " + r.reason);
  if (std::isnan(r.accuracy)) return;
  fmt::print("accuracy {:.6f}, loss {:.6g}, best step {} of {}, {:.3g} s\n", r.accuracy, r.loss, r.best_step, r.steps,
             r.seconds);
}

// `user`: who coordinates the folder, "" for nobody.
std::string why_no_result(bool running, const std::string& user) {
  if (user.empty()) return "no result yet: the next `phasegrid run` of this folder trains it";
  return (running ? "no result yet: it is trained now, by " : "no result yet: it waits for its turn with ") + user;
}

int explain(const Arguments& args) {
  if (!results::is_run_folder(args.directory))
    throw results::RunError(args.directory + " is no run folder: expected one that `phasegrid run -o` has made");
  const results::RunState state = results::read_run(args.directory, results::Bulk::skip);
  const auto grid = sweeps::Grid::parse(state.sweep_text, state.sweep_file, worker::make_schema());
  const std::uint64_t index = grid.find(args.cell);
  fmt::print("cell {}: {}\n", index, grid.label(index));
  print_settings(grid.cell(index));
  const std::string user = results::in_use_by(args.directory);
  bool running = false;
  for (const auto& a : state.attempts) {
    if (a.cell != index || a.started_utc.empty()) continue;
    running = a.outcome.empty();
    fmt::print("attempt {}: {} to {} on {}{}: {}\n", a.attempt, a.started_utc, a.ended_utc.empty() ? "?" : a.ended_utc,
               a.where, a.from_step > 0 ? fmt::format(" from step {}", a.from_step) : "",
               !a.outcome.empty() ? a.outcome : user.empty() ? "interrupted" : "running");
  }
  const auto found = state.results.find(index);
  if (found != state.results.end()) {
    print_result(found->second);
    fmt::print("trained with {}\n", results::describe(state.origin(index)));
  }
  else if (const auto reason = grid.infeasible(index)) fmt::print("it cannot exist: {}\n", *reason);
  else if (const Wanted wanted(grid, state); !wanted.has(index))
    fmt::print("not trained: {}\n", wanted.why_not(index));
  else fmt::print("{}\n", why_no_result(running, user));
  const auto checkpoint = state.checkpoints.find(index);
  if (checkpoint != state.checkpoints.end())
    fmt::print("checkpoint at step {} of {}{}\n", checkpoint->second.step, checkpoint->second.steps,
               checkpoint->second.host.empty() ? "" : ", on " + checkpoint->second.host);
  return 0;
}

}  // namespace

void add_explain(CLI::App& app, int& code) {
  auto args = std::make_shared<Arguments>();
  CLI::App* verb = app.add_subcommand("explain", "Tell what happened to one cell of a run, or why it has not run");
  verb->add_option("folder", args->directory, "The run folder")->required();
  verb->add_option("cell", args->cell, "An index, or every axis that varies: variant=mamba,d=13,seed=7")->required();
  verb->callback([args, &code] { code = explain(*args); });
}

}  // namespace phasegrid::orchestrator
