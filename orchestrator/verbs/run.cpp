#include "orchestrator/run.hpp"

#include <time.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "orchestrator/local_device.hpp"
#include "orchestrator/machine.hpp"
#include "orchestrator/time_limits.hpp"
#include "orchestrator/verbs/verbs.hpp"
#include "orchestrator/walltime.hpp"
#include "sweeps/error.hpp"
#include "worker/run_pack.hpp"

namespace phasegrid::orchestrator {
namespace {

std::vector<sweeps::Status> statuses(const std::vector<std::string>& names) {
  std::vector<sweeps::Status> list;
  for (const std::string& name : names) {
    bool known = false;
    for (const auto status :
         {sweeps::Status::diverged, sweeps::Status::out_of_memory, sweeps::Status::failed, sweeps::Status::timeout}) {
      if (name == to_text(status)) list.push_back(status), known = true;
    }
    if (!known)
      throw sweeps::SweepError("--retry " + name +
                               ": expected failed, timeout, out_of_memory or diverged, separated by commas");
  }
  return list;
}

double cell_limit(const std::string& text) {
  double factor = TimeLimits::kNone;
  if (text != "none" && !(CLI::detail::lexical_cast(text, factor) && factor >= 1))
    throw sweeps::SweepError("--cell-limit " + text + ": expected a factor of at least 1, or none");
  return factor;
}

struct Arguments {
  RunOptions options;
  std::vector<std::string> retry;
  std::string deadline, pack = "auto", shard = "1/1", cell_limit = "10";
};

void declare(CLI::App* verb, Arguments* args) {
  RunOptions& o = args->options;
  verb->add_option("sweep", o.sweep, "The sweep file (TOML)")->required();
  verb->add_option("-o,--output", o.directory,
                   "The run folder; made if it is missing, continued if it holds this sweep")
      ->required();
  verb->add_option("--slots", o.slots,
                   "Cells trained at a time by each rank [the host's cores divided by its ranks and by --threads]")
      ->check(CLI::Range(1, 4096));
  verb->add_option("--threads", o.threads, "CPU threads that train each cell together, for few and large cells; same bits")
      ->check(CLI::Range(1, worker::kMostThreads))
      ->capture_default_str();
  verb->add_option("--device", o.device, "What to train on; auto: GPUs where every rank has one that can be used, else the CPU")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}))
      ->capture_default_str();
  verb->add_option("--device-kind", o.device_kind,
                   "cpu-portable, cpu-avx2, cpu-avx512, sm_90 and its like: results of one kind are the same bits everywhere;\n"
                   "auto: the best that every rank can run, or the kind that the folder's results already have")
      ->capture_default_str();
  verb->add_flag("--fast-gemm", o.fast_gemm,
                 "On GPUs: linear layers by cuBLAS in TF32. Results are of a device kind of their own, sm_90+cublas and its like");
  verb->add_option("--retry", args->retry,
                   "Run cells with these results again: failed, timeout, out_of_memory, diverged")
      ->delimiter(',');
  verb->add_option("--deadline", args->deadline,
                   "Stop in time, with exit code 75: +SECONDS, 2026-01-31T18:00:00Z, or none [inside a Slurm job its\n"
                   "time limit, else none]. No cell is started that is predicted not to finish");
  verb->add_option("--pack", args->pack, "Most cells trained together by one slot; auto: 1 on a CPU core, on a GPU as many as fit and keep it busy")
      ->capture_default_str();
  verb->add_option("--attempts", o.attempts, "A cell whose process crashes this often is recorded as failed")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  verb->add_option("--hang-limit", o.hang_limit,
                   "Seconds without a training step after which a cell's process counts as crashed")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  verb->add_option("--cell-limit", args->cell_limit,
                   "Stop a cell that takes this many times as long as finished cells like it lead one to expect, and longer\n"
                   "than --hang-limit; tried again, then recorded as timeout. none: however long it takes")
      ->capture_default_str();
  verb->add_option("--shard", args->shard,
                   "Only this share of the cells, 1/4 to 4/4 for four shards in four folders; see phasegrid merge")
      ->capture_default_str();
  verb->add_option("--canary", o.canary,
                   "Stop with exit code 3 if the first cells, this many, all fail in the same way; 0: go on whatever fails")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  verb->add_option("--disk-wait", o.disk_wait,
                   "Seconds to wait for space when the disk is full, before stopping with exit code 75")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  verb->add_option("--checkpoint", o.checkpoint_every,
                   "Seconds of training between two checkpoints of a cell, from which it goes on with the same bits after a\n"
                   "crash, a stop or the deadline; 0: none, and no cell is started that would not end before the deadline")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  verb->add_option("--scratch", o.scratch,
                   "Keep checkpoints in this folder of each machine, not in the run folder: a cell goes on on its machine only");
  verb->add_flag("--accept-mixed", o.accept_mixed,
                 "Continue a folder whose results have another numerics version or device kind");
}

RunOptions meaning(const Arguments& args) {
  RunOptions options = args.options;
  options.retry = statuses(args.retry);
  options.shard = sweeps::shard_from_text(args.shard);
  options.ask_slurm = args.deadline.empty();
  if (!args.deadline.empty() && args.deadline != "none")
    options.deadline = boot_time() + parse_deadline(args.deadline, static_cast<double>(time(nullptr)));
  options.cell_limit = cell_limit(args.cell_limit);
  options.pack = 0;
  if (args.pack != "auto") {
    if (!CLI::detail::lexical_cast(args.pack, options.pack) || options.pack < 1 || options.pack > 65536) {
      throw sweeps::SweepError("--pack " + args.pack + ": expected auto or a number from 1 to 65536");
    }
  }
  return options;
}

}  // namespace

void check_run_options(const std::string& text) {
  CLI::App probe;
  Arguments args;
  declare(&probe, &args);
  try {
    probe.parse("sweep.toml -o out " + text);
  } catch (const CLI::ParseError& error) {
    const std::string what = error.get_exit_code() == 0 ? "--help runs nothing" : error.what();
    throw sweeps::SweepError("--run-options: " + what);
  }
  meaning(args);
}

void add_run(CLI::App& app, int& code) {
  auto args = std::make_shared<Arguments>();
  CLI::App* verb = app.add_subcommand("run", "Train the cells of a sweep that have no result yet");
  declare(verb, args.get());
  verb->footer(
      "Alone:        phasegrid run sweep.toml -o out\n"
      "In parallel:  mpirun -n 8 phasegrid run sweep.toml -o out\n"
      "The command may be stopped (Ctrl-C, SIGTERM), killed and repeated at any time: finished cells are kept, the\n"
      "same command does the others, and the results are the same bits. Ctrl-C twice stops at once.");
  verb->callback([args, &code] {
    if (args->options.fast_gemm) require_cublas();
    code = run(meaning(*args));
  });
}

}  // namespace phasegrid::orchestrator
