// Rank 0's beginning: all ranks have reported; the run folder is opened, what is missing is found, the sweep is sent.
#include <unistd.h>

#include <algorithm>

#include "kernels/device/kinds.hpp"
#include "orchestrator/director.hpp"
#include "orchestrator/gpu_cells.hpp"
#include "orchestrator/jobs.hpp"
#include "orchestrator/local_device.hpp"
#include "orchestrator/machine.hpp"
#include "orchestrator/version.hpp"
#include "orchestrator/walltime.hpp"
#include "worker/calibrate.hpp"
#include "worker/pack_size.hpp"
#include "worker/run_pack.hpp"

namespace phasegrid::orchestrator {

// Everybody is here: agree on the device kind, open the folder, find what is missing, send the sweep.
void Director::begin(double now) {
  team_.check_versions();
  std::string kind_before;
  const std::filesystem::path directory = options_.directory;
  if (results::is_run_folder(directory))
    kind_before = results::read_run(directory, results::Bulk::skip).provenance.device_kind;
  results::Provenance provenance;
  provenance.numerics_version = worker::kNumericsVersion;
  provenance.device_kind = choose_kind(kind_before);
  const std::string gpu_kind = kernels::plain_kind(provenance.device_kind);
  provenance.gpus = team_.describe_gpus(gpu_kind);
  provenance.git_hash = git_hash();
  provenance.compiler = compiler();
  provenance.mpi = transport_.mpi_version();
  provenance.host = host_name();
  provenance.started_utc = utc_now();
  provenance.sweep_file = options_.sweep;
  provenance.shard = options_.shard;
  folder_.emplace(results::RunFolder::open(directory, grid_, provenance, options_.accept_mixed));
  console_.open_log(directory / "log" / "coordinator.log");
  words_.open(directory / "log" / "executors.log");
  for (const std::string& warning : folder_->state().warnings) console_.say("warning: " + warning);

  const results::Origin origin{provenance.numerics_version, provenance.device_kind};
  const bool on_gpus = is_gpu_kind(provenance.device_kind);
  const kernels::Gpu smallest = team_.smallest_gpu(gpu_kind);
  PackSize pack_size;
  if (options_.pack == 0 && on_gpus)
    pack_size = [smallest, this](const sweeps::Settings& s) {
      return worker::pack_size({.settings = s, .eval_T = grid_.eval_T()}, smallest);
    };
  if (options_.pack == 0) options_.pack = on_gpus ? worker::kLargestPack : 1;
  JobList list = find_jobs(worker::stored_rates(provenance.device_kind), origin, pack_size);
  resume_jobs(list.jobs, origin);
  start_coordinator(std::move(list), on_gpus);
  const auto slots = team_.slots(options_.slots, gpu_kind, options_.threads);
  const Binding binding = on_gpus ? bind_gpus(team_.places(gpu_kind), slots) : Binding{};
  console_.say(team_.describe(slots) + ", device kind " + provenance.device_kind + ": " +
               std::to_string(coordinator_->pending()) + " cells to do, " + std::to_string(tally_.recorded()) +
               " kept, in " + directory.string() +
               (options_.shard.whole() ? "" : ", shard " + sweeps::to_text(options_.shard)));
  const auto& notes = folder_->state().notes;
  if (!notes.empty() && notes.back().kind == "extended") console_.say("the sweep was extended: " + notes.back().text);
  if (deadline_ > 0) console_.say("deadline in " + duration(deadline_ - boot_time()) + " (" + deadline_source_ + ")");
  folder_->note("begin", team_.describe(slots));
  dirty();
  if (!provenance.gpus.empty()) console_.say(provenance.gpus);
  if (on_gpus) console_.say("GPU of each slot:\n" + binding.table.substr(0, binding.table.size() - 1));
  const std::string why = options_.device == "auto" && kernels::built_with_cuda() ? team_.gpu_trouble() : "";
  if (!why.empty()) console_.say("no GPU is used: " + why);
  for (const std::string& warning : binding.warnings) console_.say("warning: " + warning);
  send_setup(provenance.device_kind, slots, binding);
  apply(coordinator_->refuse_too_wide());
  next_rebuild_ = now + 10;
  next_line_ = now + 30;
  changed_ = true;  // a folder without results.h5, or whose last writer was killed, gets a current one
}

// Variants that lack a CUDA kernel keep the whole sweep on the CPU: results of one folder are of one kind.
std::string Director::choose_kind(const std::string& before) {
  const std::string kind = choose_plain_kind(kernels::plain_kind(before));
  return options_.fast_gemm ? with_fast_gemm(kind) : kind;
}

std::string Director::choose_plain_kind(const std::string& before) {
  const std::string kind = team_.device_kind(options_.device_kind, before, options_.device);
  if (!is_gpu_kind(kind)) return kind;
  const std::string lacking = cells_without_gpu(grid_);
  if (lacking.empty()) return kind;
  if (options_.device == "cuda" || options_.device_kind != "auto")
    throw results::RunError(options_.sweep + ": " + lacking + " runs on the CPU only: --device cpu, or a sweep without it");
  console_.say("no GPU is used: " + lacking + " runs on the CPU only");
  return team_.device_kind("auto", before, "cpu");
}

void Director::send_setup(const std::string& device_kind, const std::vector<int>& slots, const Binding& binding) {
  Setup setup{.text = grid_.text(), .file = options_.sweep, .hash = grid_.hash()};
  setup.device_kind = device_kind;
  setup.threads = options_.threads;
  setup.host = host_name();
  setup.pid = getpid();
  setup.hang_limit = options_.hang_limit;
  setup.checkpoint_every = options_.checkpoint_every;
  for (std::size_t rank = 0; rank < slots.size(); ++rank) {
    setup.rank = static_cast<int>(rank);
    setup.slots = slots[rank];
    set_scratch(setup);
    if (!binding.gpus.empty()) setup.gpus = binding.gpus[rank];
    for (int slot = 0; slot < setup.slots; ++slot) {
      coordinator_->expect({setup.rank, slot}, team_.node(setup.rank));
      utilisation_.set({setup.rank, slot}, Doing::starting, now_);
    }
    tell(setup.rank, setup);
  }
}

JobList Director::find_jobs(const sweeps::Rates& rates, const results::Origin& origin, const PackSize& pack_size) {
  const results::RunState& state = folder_->state();
  for (const results::Attempt& attempt : state.attempts) {
    int& highest = attempts_[attempt.cell];
    highest = std::max(highest, attempt.attempt);
  }
  const auto took = [&](std::uint64_t cell) -> std::optional<Took> {
    const auto found = state.results.find(cell);
    if (found == state.results.end() || found->second.status == sweeps::Status::pending) return std::nullopt;
    const sweeps::CellResult& result = found->second;
    if (result.status == sweeps::Status::infeasible) return std::nullopt;  // for want of slots: this run may have more
    if (std::find(options_.retry.begin(), options_.retry.end(), result.status) != options_.retry.end())
      return std::nullopt;
    tally_.found(result);
    if (!counts_as_failed(result.status)) canary_.saw_success();
    const bool tells = result.status == sweeps::Status::done && state.origin(cell) == origin;
    return tells ? Took{result.seconds, result.steps} : Took{};
  };
  if (grid_.search().boundary()) {
    search_.emplace(grid_, options_.shard, rates, options_.pack, pack_size);
    return search_->begin(state, took);
  }
  JobList list = missing_jobs(grid_, rates, took, options_.pack, options_.shard, pack_size);
  tally_.infeasible(list.infeasible);
  return list;
}

}  // namespace phasegrid::orchestrator
