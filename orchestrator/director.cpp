#include "orchestrator/director.hpp"

#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "orchestrator/gpu_cells.hpp"
#include "orchestrator/jobs.hpp"
#include "orchestrator/machine.hpp"
#include "orchestrator/version.hpp"
#include "orchestrator/walltime.hpp"
#include "worker/calibrate.hpp"
#include "worker/pack_size.hpp"
#include "worker/run_pack.hpp"

namespace phasegrid::orchestrator {
namespace {

constexpr double kNearDeadline = 60;       // seconds left after SIGUSR1, where nobody knows better
constexpr double kNearLimit = 600;         // a limit later than that is not what SIGUSR1 is about
constexpr double kHintsTogether = 5;       // mpirun hands a signal to every rank, and each hands it on

}  // namespace

Director::Director(Transport& transport, const sweeps::Grid& grid, const RunOptions& options, double now)
    : transport_(transport), grid_(grid), options_(options), team_(transport.size(), now), tally_(now),
      canary_(options.canary), now_(now), started_(now) {
  if (options_.quiet) console_.silence();
  std::optional<Deadline> deadline;
  if (options_.seconds) deadline = {*options_.seconds, "--deadline"};
  else if (options_.ask_slurm) deadline = slurm_deadline();
  if (!deadline) return;
  deadline_ = boot_time() + deadline->seconds, time_in_all_ = deadline->seconds;
  deadline_source_ = deadline->source;
}

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
  provenance.gpus = team_.describe_gpus(provenance.device_kind);
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
  const kernels::Gpu smallest = team_.smallest_gpu(provenance.device_kind);
  PackSize pack_size;
  if (options_.pack == 0 && on_gpus)
    pack_size = [smallest](const sweeps::Settings& s) { return worker::pack_size(s, smallest); };
  if (options_.pack == 0) options_.pack = on_gpus ? worker::kLargestPack : 1;
  JobList list = find_jobs(worker::stored_rates(provenance.device_kind), origin, pack_size);
  resume_jobs(list.jobs, origin);
  start_coordinator(std::move(list), on_gpus);
  const auto slots = team_.slots(options_.slots, provenance.device_kind, options_.threads);
  const Binding binding = on_gpus ? bind_gpus(team_.places(provenance.device_kind), slots) : Binding{};
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
  const auto seconds_of = [&](std::uint64_t cell) -> std::optional<double> {
    const auto found = state.results.find(cell);
    if (found == state.results.end() || found->second.status == sweeps::Status::pending) return std::nullopt;
    const sweeps::CellResult& result = found->second;
    if (result.status == sweeps::Status::infeasible) return std::nullopt;  // for want of slots: this run may have more
    if (std::find(options_.retry.begin(), options_.retry.end(), result.status) != options_.retry.end())
      return std::nullopt;
    tally_.found(result);
    if (!counts_as_failed(result.status)) canary_.saw_success();
    return result.status == sweeps::Status::done && state.origin(cell) == origin ? result.seconds : 0.0;
  };
  if (grid_.search().boundary()) {
    search_.emplace(grid_, options_.shard, rates, options_.pack, pack_size);
    return search_->begin(state, seconds_of);
  }
  JobList list = missing_jobs(grid_, rates, seconds_of, options_.pack, options_.shard, pack_size);
  tally_.infeasible(list.infeasible);
  return list;
}

void Director::handle(const Parcel& parcel, double now) {
  now_ = now;
  const int rank = parcel.from;
  if (team_.lost(rank)) return;
  team_.heard(rank, now);
  switch (kind_of(parcel.bytes)) {
    case Kind::hello:
      team_.report(rank, decode<Hello>(parcel.bytes), now);
      if (team_.complete() && !coordinator_) begin(now);
      return;
    case Kind::ready: return check_sweep(rank, decode<Ready>(parcel.bytes));
    case Kind::free: return free({rank, decode<Free>(parcel.bytes).slot}, now);
    case Kind::finished: return finished(rank, decode<Finished>(parcel.bytes));
    case Kind::checkpoint: return checkpoint(rank, decode<Checkpoint>(parcel.bytes));
    case Kind::said: return said(rank, decode<Said>(parcel.bytes));
    case Kind::crashed: return crashed(rank, decode<Crashed>(parcel.bytes), now);
    case Kind::abandoned: {
      const SlotId slot{rank, decode<Abandoned>(parcel.bytes).slot};
      utilisation_.set(slot, Doing::starting, now);  // until it asks again
      return apply(coordinator_->abandoned(slot, now));
    }
    case Kind::slot_lost: {
      const auto message = decode<SlotLost>(parcel.bytes);
      slot_trouble_ = team_.where(rank, message.slot) + ": " + message.reason;
      console_.say("slot lost: " + slot_trouble_);
      folder_->note("slot_lost", slot_trouble_);
      utilisation_.leave({rank, message.slot}, now);
      return apply(coordinator_->slot_lost({rank, message.slot}, now));
    }
    case Kind::gang_key: return pass_on(rank, decode<GangKey>(parcel.bytes));
    case Kind::beat: return beat(rank, decode<Beat>(parcel.bytes));
    case Kind::stop_requested: {
      const int number = decode<StopRequested>(parcel.bytes).signal;
      return number == SIGUSR1 ? hint(now)
                               : stop("signal " + std::to_string(number) + " at rank " + std::to_string(rank), now);
    }
    default: throw WireError("the coordinator received a message that is not for it");
  }
}

void Director::check_sweep(int rank, const Ready& ready) const {
  if (ready.hash == grid_.hash()) return;
  const std::string other = "rank " + std::to_string(rank);
  if (!ready.error.empty()) throw results::RunError(other + " cannot read the sweep that rank 0 can: " + ready.error);
  throw results::RunError(other + " reads the sweep as " + ready.hash + ", rank 0 as " + grid_.hash() +
                          ": start the same binary everywhere");
}

void Director::beat(int rank, const Beat& beat) {
  tell(rank, Pulse{});
  if (!coordinator_) return;
  for (std::size_t slot = 0; slot < beat.fractions.size(); ++slot) {
    if (beat.fractions[slot] >= 0) coordinator_->progress({rank, static_cast<int>(slot)}, beat.fractions[slot]);
  }
}

void Director::finished(int rank, const Finished& message) {
  const auto& result = message.result;
  const int slots = coordinator_->slots_busy_with({rank, message.slot});
  if (!coordinator_->result({rank, message.slot}, result.index, result.seconds)) return;
  utilisation_.result(result.seconds * slots);
  record(result, team_.where(rank, message.slot));
}

void Director::free(SlotId slot, double now) {
  const Actions actions = coordinator_->slot_ready(slot, now);
  if (actions.empty()) utilisation_.set(slot, idle_cause(slot), now);
  apply(actions);
}

Doing Director::idle_cause(SlotId slot) const {
  if (!stop_reason_.empty()) return Doing::stopping;
  if (full_since_ > 0) return Doing::disk;
  if (coordinator_->gathers(slot)) return Doing::gathering;
  return coordinator_->pending() == 0 ? Doing::no_work : Doing::deadline;
}

void Director::record(const sweeps::CellResult& result, const std::string& where) {
  folder_->finished(result, attempts_[result.index], where);
  if (result.status != sweeps::Status::infeasible) canary_.result(result);
  sweeps::CellResult& kept = unflushed_.emplace_back(result);
  kept.curve.clear();
  kept.diagnostics.clear();
  dirty();
  if (search_) search_on(result);
}

void Director::crashed(int rank, const Crashed& message, double now) {
  const SlotId id{rank, message.slot};
  const std::string where = team_.where(rank, message.slot);
  for (const std::uint64_t cell : coordinator_->cells(id)) {
    folder_->ended(cell, attempts_[cell], where, "crashed: " + message.reason);
    console_.say("crash of " + grid_.label(cell) + " on " + where + ": " + message.reason);
  }
  dirty();
  utilisation_.set(id, Doing::starting, now);
  apply(coordinator_->crashed(id, message.reason, message.out_of_memory, now));
}

void Director::lose(int rank, const std::string& reason, double now) {
  const std::string text = "rank " + std::to_string(rank) + " is lost: " + reason;
  console_.say(text + (coordinator_ ? "; its cells go to others" : ""));
  if (!coordinator_) throw std::runtime_error(text);
  folder_->note("rank_lost", text);
  dirty();
  transport_.forget(rank);
  utilisation_.leave_rank(rank, now);
  apply(coordinator_->rank_lost(rank, now));
}

void Director::apply(const Actions& actions) {
  for (const Action& action : actions) std::visit([this](const auto& a) { act(a); }, action);
}

void Director::act(const HandOut& action) {
  const std::string where = team_.where(action.slot.rank, action.slot.slot);
  const auto& known = folder_->state().checkpoints;
  std::vector<std::string> checkpoints = checkpoints_of(action.cells);
  for (const std::uint64_t cell : action.cells) {
    const auto checkpoint = known.find(cell);
    folder_->started(cell, ++attempts_[cell], where, checkpoint == known.end() ? 0 : checkpoint->second.step);
  }
  dirty();
  if (!action.gang.empty()) return start_gang(action);
  utilisation_.set(action.slot, Doing::busy, now_);
  tell(action.slot.rank, Assign{action.slot.slot, action.cells, std::move(checkpoints)});
}

void Director::act(const GiveUp& action) {
  constexpr double kShare = 0.8;  // what an executor says at last has to arrive, too
  tell(action.slot.rank, Abandon{action.slot.slot, kShare * std::max(0.0, stop_by_ - now_)});
}

void Director::act(const Quarantine& action) {
  sweeps::CellResult result;
  result.index = action.cell;
  result.status = action.out_of_memory ? sweeps::Status::out_of_memory : sweeps::Status::failed;
  result.reason = "crashed " + std::to_string(action.attempts) + " times, the last time " + action.reason;
  record(result, "coordinator");
}

void Director::stop(const std::string& why, double now) {
  now_ = now;
  if (!stop_reason_.empty() || done()) return;
  stop_reason_ = why;
  if (!coordinator_) return end(75, "stopped by " + why + " before it began");
  console_.say("stopping (" + why + "): finished cells are safe, running ones are given up");
  folder_->note("stop", why);
  dirty();
  constexpr double kSoon = 0.4;  // mpirun leaves its ranks one second between SIGTERM and SIGKILL
  constexpr double kAlone = 3;   // nobody hurries us: a cell whose steps are long can still be saved
  stop_by_ = now + (started_by_launcher() ? kSoon : kAlone);
  flush_if_due(true);
  apply(coordinator_->stop(now, kSoon));
}

// SIGUSR1 comes some seconds late and does not say how much time is left: Slurm knows, unless it is about something else
// than the time limit, such as preemption.
void Director::hint(double now) {
  now_ = now;
  if (hinted_at_ && now - *hinted_at_ < kHintsTogether) return;
  hinted_at_ = now;
  const auto limit = options_.ask_slurm ? slurm_deadline(Ask::controller_only) : std::nullopt;
  if (limit && limit->seconds < kNearLimit) {
    deadline_ = boot_time() + limit->seconds;
  } else if (const double near = boot_time() + kNearDeadline; deadline_ == 0 || near < deadline_) {
    deadline_ = near;
  }
  console_.say("SIGUSR1: the wall-time limit is near; nothing is started that needs more than " +
               duration(deadline_ - boot_time()));
}

void Director::stop_at_once() {
  if (folder_ && !unflushed_.empty()) folder_->flush();
}

}  // namespace phasegrid::orchestrator
