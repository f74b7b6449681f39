#include "orchestrator/executor.hpp"

#include <CLI/CLI.hpp>
#include <memory>

#include "orchestrator/verbs/verbs.hpp"

namespace phasegrid::orchestrator {

void add_executor(CLI::App& app, int& code) {
  auto parent = std::make_shared<long>(0);
  CLI::App* verb = app.add_subcommand("executor", "")->group("");  // hidden: started by agents only
  verb->add_option("parent", *parent)->required();
  verb->callback([parent, &code] { code = executor(*parent); });
}

}  // namespace phasegrid::orchestrator
