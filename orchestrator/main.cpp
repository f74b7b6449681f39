// phasegrid: the command line. Exit codes: 0 everything asked for is done; 1 unexpected error; 2 the input is wrong; 3 done, but
// some cells failed; 75 stopped before the end with all finished cells safe: run again.
#include <cstdio>
#include <new>
#include <string>

#include <CLI/CLI.hpp>

#include "orchestrator/data_files.hpp"
#include "orchestrator/verbs/verbs.hpp"
#include "orchestrator/version.hpp"
#include "results/run_folder.hpp"
#include "sweeps/error.hpp"

namespace {

namespace orchestrator = phasegrid::orchestrator;

constexpr int kUnexpected = 1, kWrongInput = 2;

std::string unknown_verb(CLI::App& app, const std::string& word) {
  std::string all;
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App* any) { return !any->get_group().empty(); }))
    all += (all.empty() ? "" : ", ") + verb->get_name();
  return word + ": there is no such verb, expected one of " + all;
}

int command_line(int argc, char** argv) {
  CLI::App app(
      "Maps phase transitions of sequence models: one sweep file in, one labelled results file out.\n"
      "Start with `phasegrid plan SWEEP.toml`, then `phasegrid run SWEEP.toml -o DIR`, alone or under mpirun.",
      "phasegrid");
  app.set_version_flag("--version", "phasegrid " + orchestrator::version() + " (" + orchestrator::git_hash() + ", " + orchestrator::compiler() + ")");
  app.footer(
      "Exit codes: 0 done; 1 unexpected error; 2 the input is wrong; 3 done, but some cells failed;\n"
      "75 stopped before the end with all finished cells safe: run the same command again.");
  app.require_subcommand(1);
  orchestrator::provide_batch_files();
  int code = 0;
  orchestrator::add_plan(app, code);
  orchestrator::add_run(app, code);
  orchestrator::add_status(app, code);
  orchestrator::add_explain(app, code);
  orchestrator::add_top(app, code);
  orchestrator::add_report(app, code);
  orchestrator::add_merge(app, code);
  orchestrator::add_analyze(app, code);
  orchestrator::add_cell(app, code);
  orchestrator::add_apply(app, code);
  orchestrator::add_sample(app, code);
  orchestrator::add_bench(app, code);
  orchestrator::add_verify(app, code);
  orchestrator::add_slurm(app, code);
  orchestrator::add_executor(app, code);
  orchestrator::add_gpus(app, code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);   // --help, --version
    std::string verb;
    const CLI::App* chosen = &app;
    for (auto deeper = app.get_subcommands(); !deeper.empty(); deeper = chosen->get_subcommands())
      chosen = deeper.front(), verb += chosen->get_name() + " ";
    const bool unknown = chosen == &app && argc > 1 && argv[1][0] != '-';
    std::fprintf(stderr, "phasegrid: %s\n`phasegrid %s--help` says what can be given\n",
                 unknown ? unknown_verb(app, argv[1]).c_str() : error.what(), verb.c_str());
    return kWrongInput;
  }
  return code;
}

int complain(const char* what, int code) {
  std::fprintf(stderr, "phasegrid: %s\n", what);
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return command_line(argc, argv);
  } catch (const phasegrid::sweeps::SweepError& error) {
    return complain(error.what(), kWrongInput);
  } catch (const phasegrid::results::RunError& error) {
    return complain(error.what(), kWrongInput);
  } catch (const std::bad_alloc& error) {
    return complain((std::string("not enough memory (") + error.what() + ")").c_str(), kUnexpected);
  } catch (const std::exception& error) {
    return complain(error.what(), kUnexpected);
  }
}
