// Transitions, scaling laws, bound checks and verdicts of a run folder or a results file; stored in /analysis.
#include <CLI/CLI.hpp>

#include <filesystem>
#include <iostream>
#include <memory>

#include "orchestrator/analysis_output.hpp"
#include "orchestrator/verbs/verbs.hpp"
#include "results/analysis/store.hpp"
#include "results/labelled_group.hpp"
#include "results/run_folder.hpp"
#include "worker/schema.hpp"

namespace phasegrid::orchestrator {
namespace {

namespace fs = std::filesystem;

constexpr int kCheckFailed = 3;

struct Arguments {
  std::string source;
  bool json = false;
  results::analysis::Options options;
};

// Where results.h5 is and whether it may be replaced: not while somebody coordinates the folder, who also replaces it.
struct Target {
  fs::path file, folder;  // folder: "" for a file that is in no run folder
  std::string in_use() const { return folder.empty() ? "" : results::in_use_by(folder); }
};

Target target_of(const fs::path& source) {
  if (fs::is_directory(source)) return {source / "results.h5", source};
  const fs::path parent = source.has_parent_path() ? source.parent_path() : fs::path(".");
  return {source, source.filename() == "results.h5" && results::is_run_folder(parent) ? parent : fs::path()};
}

results::RunState read(const fs::path& source) {
  if (!fs::exists(source))
    throw results::RunError(source.string() + ": does not exist, expected a run folder or a results file");
  if (!fs::is_directory(source)) return results::read_results_file(source);
  if (!results::is_run_folder(source))
    throw results::RunError(source.string() + " is no run folder: expected one that `phasegrid run -o` has made");
  return results::read_run(source);
}

// Whether results.h5 holds fewer results than the journals: its coordinator ended before it could write them.
bool is_behind(const fs::path& file, const results::RunState& state) {
  return !fs::exists(file) || results::read_results_file(file).results.size() != state.results.size();
}

// "stored in ...", or why not. The analysis has been printed: a file that cannot be written is no failure.
std::string store(const fs::path& source, const sweeps::Grid& grid, const results::RunState& state,
                  const results::LabelledGroup& group) {
  const Target target = target_of(source);
  if (const std::string user = target.in_use(); !user.empty())
    return "not stored: the run goes on (" + user + "); run this again when it has ended";
  try {
    if (fs::is_directory(source) && is_behind(target.file, state))
      results::write_results_file(target.file, grid, state);
    results::replace_group(target.file, "analysis", group);
    return "stored in /analysis of " + target.file.string();
  } catch (const results::RunError& error) { return std::string("not stored: ") + error.what(); }
}

int analyze(const Arguments& args) {
  const results::RunState state = read(args.source);
  const auto grid = sweeps::Grid::parse(state.sweep_text, state.sweep_file, worker::make_schema());
  const results::analysis::Report report = results::analysis::analyse(grid, state, args.options);
  if (args.json) print_analysis_json(report, grid, std::cout);
  else print_analysis(report, grid, std::cout);
  const std::string outcome = store(args.source, grid, state, results::analysis::to_group(report, grid));
  (args.json ? std::cerr : std::cout) << (args.json ? "" : "\n") << outcome << "\n";
  return report.sound() ? 0 : kCheckFailed;
}

}  // namespace

void add_analyze(CLI::App& app, int& code) {
  auto args = std::make_shared<Arguments>();
  CLI::App* verb = app.add_subcommand("analyze", "Find transitions with intervals, fit scaling laws, judge theorems");
  verb->add_option("source", args->source, "A run folder, also of a run that goes on, or a results file")->required();
  verb->add_flag("--json", args->json, "Print one JSON object");
  verb->add_option("--level", args->options.level, "Accuracy that counts as solved, for laws and verdicts [0.9]")
      ->check(CLI::Range(0.0, 1.0));
  verb->add_option("--bootstrap", args->options.replicates,
                   "Resamplings of the seeds for the cross-check [200]; 0: none")
      ->check(CLI::Range(0, 100'000));
  verb->footer(
      "Exit code 3: a cell contradicts a theorem, which means a bug. docs/analysis.md says how everything is "
      "estimated.");
  verb->callback([args, &code] { code = analyze(*args); });
}

}  // namespace phasegrid::orchestrator
