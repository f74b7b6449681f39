// The verbs of the command line, one file each. `code` receives the exit code when the verb has run.
#pragma once
#include <string>

namespace CLI {
class App;
}

namespace phasegrid::orchestrator {

void add_plan(CLI::App& app, int& code);
void add_run(CLI::App& app, int& code);
void add_status(CLI::App& app, int& code);
void add_explain(CLI::App& app, int& code);
void add_merge(CLI::App& app, int& code);
void add_analyze(CLI::App& app, int& code);
void add_sample(CLI::App& app, int& code);
void add_cell(CLI::App& app, int& code);
void add_apply(CLI::App& app, int& code);
void add_bench(CLI::App& app, int& code);
void add_verify(CLI::App& app, int& code);
void add_bench_dispatch(CLI::App& bench, int& code);   // of add_bench
void add_top(CLI::App& app, int& code);
void add_report(CLI::App& app, int& code);
void add_slurm(CLI::App& app, int& code);
void add_executor(CLI::App& app, int& code);
void add_gpus(CLI::App& app, int& code);

void check_run_options(const std::string& text);   // as `phasegrid run` would take them; throws SweepError

}  // namespace phasegrid::orchestrator
