// Joins run folders of one sweep: shards, or runs on several machines.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <memory>

#include "orchestrator/verbs/verbs.hpp"
#include "results/merge.hpp"
#include "results/run_folder.hpp"
#include "worker/schema.hpp"

namespace phasegrid::orchestrator {
namespace {

constexpr int kDiffers = 3;
constexpr std::size_t kMostListed = 20;

struct Arguments {
  std::vector<std::string> from;
  std::string to;
  bool accept_mixed = false;
};

int merge(const Arguments& args) {
  const results::RunState first = results::read_run(args.from.front());
  const auto grid = sweeps::Grid::parse(first.sweep_text, first.sweep_file, worker::make_schema());
  const results::Merged merged =
      results::merge_runs({args.from.begin(), args.from.end()}, args.to, grid, args.accept_mixed);
  for (const auto& warning : merged.warnings) fmt::print("warning: {}\n", warning);
  for (const auto& source : merged.sources)
    fmt::print("{}: {} results, {} taken, {} known before\n", source.folder.string(), source.results, source.taken,
               source.same);
  if (merged.differ_by_origin > 0)
    fmt::print("{} cells differ between numerics versions or device kinds, as they may: the first result is kept\n",
               merged.differ_by_origin);
  for (std::size_t i = 0; i < std::min(kMostListed, merged.conflicts.size()); ++i)
    fmt::print("conflict: {}\n", merged.conflicts[i]);
  if (!merged.conflicts.empty())
    fmt::print(
        "{} trained twice with different results though numerics version and device kind are the same: "
        "the first result is kept\n",
        merged.conflicts.size() == 1 ? "1 cell was" : fmt::format("{} cells were", merged.conflicts.size()));
  fmt::print("{}: {} of {} cells have a result\n", args.to, merged.results, grid.size());
  return merged.conflicts.empty() ? 0 : kDiffers;
}

}  // namespace

void add_merge(CLI::App& app, int& code) {
  auto args = std::make_shared<Arguments>();
  CLI::App* verb = app.add_subcommand("merge", "Join run folders of one sweep, such as its shards");
  verb->add_option("folders", args->from, "The run folders; they are left as they are")->required();
  verb->add_option("-o,--output", args->to, "The joint run folder; made if it is missing")->required();
  verb->add_flag("--accept-mixed", args->accept_mixed,
                 "Join results of several numerics versions or device kinds; each cell's is stored");
  verb->footer(
      "Example: phasegrid merge out-1 out-2 out-3 out-4 -o out\n"
      "A cell that several folders have must have the same bits in all of them, else it is reported: exit code 3.");
  verb->callback([args, &code] { code = merge(*args); });
}

}  // namespace phasegrid::orchestrator
