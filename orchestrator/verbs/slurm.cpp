// Prints a batch script for Slurm that runs a sweep to its end.
#include "orchestrator/slurm.hpp"

#include <CLI/CLI.hpp>

#include <filesystem>
#include <iostream>
#include <memory>

#include "orchestrator/verbs/verbs.hpp"
#include "sweeps/error.hpp"
#include "sweeps/grid.hpp"
#include "worker/schema.hpp"

namespace phasegrid::orchestrator {
namespace {

std::string job_name(const std::string& sweep) {
  std::string name = sweep;
  for (char& c : name) {
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '_' && c != '-' && c != '.') c = '_';
  }
  return name;
}

void slurm(SlurmJob job) {
  const auto grid = sweeps::Grid::read(job.sweep, worker::make_schema());  // what is wrong with it is said now
  if (!is_slurm_time(job.time))
    throw sweeps::SweepError("--time " + job.time + ": expected minutes, hours:minutes:seconds or days-hours, as sbatch takes them");
  check_run_options(job.options);
  job.name = job_name(grid.name());
  if (job.directory.empty()) job.directory = "out/" + job.name;
  if (job.program.empty()) job.program = std::filesystem::read_symlink("/proc/self/exe");
  for (std::string* path : {&job.program, &job.sweep, &job.directory}) *path = std::filesystem::absolute(*path).lexically_normal();
  std::cout << slurm_script(job);
}

}  // namespace

void add_slurm(CLI::App& app, int& code) {
  auto job = std::make_shared<SlurmJob>();
  CLI::App* verb = app.add_subcommand("slurm", "Print a batch script for Slurm that runs a sweep to its end");
  verb->add_option("sweep", job->sweep, "The sweep file (TOML)")->required();
  verb->add_option("-o,--output", job->directory, "The run folder, seen by every node [out/NAME]");
  verb->add_option("--nodes", job->nodes, "Nodes of a job")->check(CLI::Range(1, 100'000))->capture_default_str();
  verb->add_option("--gpus-per-node", job->gpus_per_node, "GPUs of each node")->check(CLI::Range(0, 64))->capture_default_str();
  verb->add_option("--cpus-per-node", job->cpus_per_node, "Cores of each node [whole nodes, or two for each GPU]")->check(CLI::Range(1, 4096));
  verb->add_option("--time", job->time, "Time limit of one job: minutes, hours:minutes:seconds or days-hours")->required();
  verb->add_option("--partition", job->partition, "Slurm's partition");
  verb->add_option("--account", job->account, "Slurm's account");
  verb->add_option("--launcher", job->launcher, "mpirun outlives a lost rank; srun needs no Open MPI with Slurm support, but PMIx")
      ->check(CLI::IsMember({"mpirun", "srun"}))
      ->capture_default_str();
  verb->add_option("--shards", job->shards, "A job array of so many independent shares of the cells, joined by the last one to be done")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  verb->add_option("--program", job->program, "The program on the nodes [this one]");
  verb->add_option("--run-options", job->options, "More options of `phasegrid run`, in one word: \"--slots 2 --attempts 3\"");
  verb->footer(
      "phasegrid slurm sweep.toml --nodes 4 --gpus-per-node 8 --time 24:00:00 > sweep.sh && sbatch sweep.sh\n"
      "Each job stops before its time limit and has queued the next one; the last one ends them all. See docs/cluster.md.");
  verb->callback([job, &code] { slurm(*job), code = 0; });
}

}  // namespace phasegrid::orchestrator
