// What the CUDA backend sees of this machine, as one line of JSON: asked by ranks, and by people who wonder why no GPU
// is used.
#include "orchestrator/gpus.hpp"

#include <CLI/CLI.hpp>
#include <iostream>

#include "orchestrator/verbs/verbs.hpp"

namespace phasegrid::orchestrator {

void add_gpus(CLI::App& app, int& code) {
  CLI::App* verb = app.add_subcommand("gpus", "")->group("");  // hidden
  verb->callback([&code] {
    std::cout << to_text(kernels::survey_gpus()) << std::endl;
    code = 0;
  });
}

}  // namespace phasegrid::orchestrator
