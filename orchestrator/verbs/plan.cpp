#include "orchestrator/plan.hpp"

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "orchestrator/verbs/verbs.hpp"

namespace phasegrid::orchestrator {

void add_plan(CLI::App& app, int& code) {
  auto options = std::make_shared<PlanOptions>();
  CLI::App* verb = app.add_subcommand("plan", "Check a sweep file and say what it will cost, before anything runs");
  verb->add_option("sweep", options->sweep, "The sweep file (TOML)")->required();
  verb->add_option("--workers", options->workers,
                   "Predict the time for so many workers (default: this machine's cores)")
      ->check(CLI::Range(1, 1'000'000));
  verb->add_flag("--json", options->json, "The whole plan as one JSON object");
  verb->footer("Example: phasegrid plan sweeps/quickstart.toml --workers 128");
  verb->callback([options, &code] { code = plan(*options, std::cout); });
}

}  // namespace phasegrid::orchestrator
