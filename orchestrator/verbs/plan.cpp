#include "orchestrator/plan.hpp"

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "orchestrator/verbs/verbs.hpp"

namespace phasegrid::orchestrator {

void add_plan(CLI::App& app, int& code) {
  auto options = std::make_shared<PlanOptions>();
  CLI::App* verb = app.add_subcommand("plan", "Check a sweep file and predict its cost; trains nothing");
  verb->add_option("sweep", options->sweep, "The sweep file (TOML)")->required();
  verb->add_option("--device", options->device, "cuda: also what the GPUs of this machine would do")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}))
      ->capture_default_str();
  verb->add_option("--workers", options->workers, "Slots to plan for [the cores of this machine]")->check(CLI::Range(1, 1'000'000));
  verb->add_flag("--json", options->json, "Print one JSON object");
  verb->footer("Says everything that can be wrong with file:line:column, which cells cannot exist and why, memory and parameters of\n"
               "the models, predicted hours and the time for all workers together, and what theory expects.");
  verb->callback([options, &code] { code = plan(*options, std::cout); });
}

}  // namespace phasegrid::orchestrator
