#include "orchestrator/sample.hpp"

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "orchestrator/verbs/verbs.hpp"

namespace phasegrid::orchestrator {
namespace {

struct Arguments {
  std::string task;
  std::vector<std::string> set;
  int count = 1;
  std::uint64_t seed = 0;
  bool json = false;
};

}  // namespace

void add_sample(CLI::App& app, int& code) {
  auto args = std::make_shared<Arguments>();
  CLI::App* verb = app.add_subcommand("sample", "Print sequences of a task as a model would see them");
  verb->add_option("task", args->task, "The task, as a sweep file names it")->required();
  verb->add_option("--set", args->set, "Settings of the task: key=value");
  verb->add_option("--count", args->count, "Number of sequences")->check(CLI::Range(1, 1'000'000'000))->capture_default_str();
  verb->add_option("--seed", args->seed, "Another seed, other sequences")->check(CLI::Range(std::uint64_t{0}, std::uint64_t{1} << 53))->capture_default_str();
  verb->add_flag("--json", args->json, "One JSON object a line: tokens and targets (-100: not scored), or inputs and values (null: not scored)");
  verb->footer("Example: phasegrid sample mqar --set kappa=4 nu=8 T=16 --count 3");
  verb->callback([args, &code] { code = sample(args->task, args->set, args->count, args->seed, args->json, std::cout); });
}

}  // namespace phasegrid::orchestrator
