#include "orchestrator/report/report.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <memory>

#include "orchestrator/verbs/verbs.hpp"
#include "results/file.hpp"
#include "worker/schema.hpp"

namespace phasegrid::orchestrator {
namespace {

struct Arguments {
  std::string directory, output;
};

int report(const Arguments& args) {
  const results::RunState state = results::read_run(args.directory, results::Bulk::skip);
  const auto grid = sweeps::Grid::parse(state.sweep_text, state.sweep_file, worker::make_schema());
  const Overview view = overview(grid, state);
  const std::filesystem::path output =
      args.output.empty() ? std::filesystem::path(args.directory) / "report.html" : std::filesystem::path(args.output);
  results::replace_file(output, report_html({grid, state, view}));
  fmt::print("{}: {} of {} cells; written to {}\n", grid.name(), view.recorded, view.cells - view.infeasible,
             output.string());
  return 0;
}

}  // namespace

void add_report(CLI::App& app, int& code) {
  auto args = std::make_shared<Arguments>();
  CLI::App* verb = app.add_subcommand("report", "Write a run down as one HTML page, at any time");
  verb->add_option("folder", args->directory, "The run folder")->required();
  verb->add_option("-o,--output", args->output, "The page [FOLDER/report.html]");
  verb->footer(
      "Heat maps of the accuracy with theory's thresholds, progress and utilisation over time, failures. The page "
      "needs no network.");
  verb->callback([args, &code] { code = report(*args); });
}

}  // namespace phasegrid::orchestrator
