// The verb `run`: every rank of a run, from the start to the exit code.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "sweeps/cell.hpp"
#include "sweeps/shard.hpp"

namespace phasegrid::orchestrator {

struct RunOptions {
  std::string sweep, directory;
  int slots = 0;                             // executors on each rank; 0: the host's cores divided by its ranks and `threads`
  int threads = 1;                           // of each executor, on a CPU
  std::string device = "auto";               // cpu, cuda; auto: GPUs where every rank has one, else the CPU
  std::string device_kind = "auto";          // auto: the best of these that every rank can run
  bool fast_gemm = false;                    // linear layers of a GPU by cuBLAS: another kind
  std::vector<sweeps::Status> retry;         // results of these statuses do not count
  std::optional<double> deadline;            // by boot_time()
  bool ask_slurm = true;                     // for the deadline, where `deadline` does not say it
  int pack = 1;                              // most cells in one pack; 0: one on a CPU, on a GPU what keeps it busy
  int attempts = 2;                          // crashes after which a cell is recorded as failed
  double hang_limit = 600;                   // seconds without a sign of life
  double cell_limit = 10;                    // times what cells like it have taken (time_limits.hpp); infinite: none
  bool accept_mixed = false;
  int canary = 5;                            // the run stops if its first cells, so many, all fail in one way; 0: never
  double disk_wait = 600;                    // seconds to wait for space on a full disk
  double checkpoint_every = 600;             // seconds of training between two checkpoints of a cell; 0: none
  std::string scratch;                       // a folder of each machine's own for checkpoints; "": the run folder
  bool quiet = false;                        // say nothing but in the log
  sweeps::Shard shard;                       // the cells that this run is for
};

// Exit codes of docs/design.md 4.1: 0, 3 or 75. Throws SweepError and RunError (2), anything else for 1.
int run(const RunOptions& options);

}  // namespace phasegrid::orchestrator
