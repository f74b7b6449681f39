// The batch script that `phasegrid slurm` prints: runs a sweep in one Slurm job after another until every cell has a result.
#pragma once
#include <string>

namespace phasegrid::orchestrator {

struct SlurmJob {
  std::string program, sweep, directory;   // absolute paths, the same on every node
  std::string name;                        // of the job
  int nodes = 1;
  int gpus_per_node = 0;                   // 0: a job without GPUs
  int cpus_per_node = 0;                   // 0: whole nodes, or two for each GPU
  std::string time;                        // as sbatch takes it
  std::string partition, account;          // "": sbatch's defaults
  std::string launcher = "mpirun";         // mpirun or srun
  int shards = 1;                          // above 1: a job array, a run folder for each, joined at the end
  std::string options;                     // more words for `phasegrid run`, as the shell reads them
};

// "30", "1:30:00", "2-12", "2-12:00:00": what sbatch takes as --time.
bool is_slurm_time(const std::string& text);

std::string slurm_script(const SlurmJob& job);

}  // namespace phasegrid::orchestrator
