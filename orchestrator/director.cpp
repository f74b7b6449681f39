#include "orchestrator/director.hpp"

#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "orchestrator/machine.hpp"
#include "orchestrator/walltime.hpp"

namespace phasegrid::orchestrator {
namespace {

constexpr double kTimeToStop = 30;         // seconds from the order to stop to the kill, for a cell that takes too long
constexpr double kNearDeadline = 60;       // seconds left after SIGUSR1, where nobody knows better
constexpr double kNearLimit = 600;         // a limit later than that is not what SIGUSR1 is about
constexpr double kWorthTelling = 60;       // seconds of standing still; a large results file may take less
constexpr double kHintsTogether = 5;       // mpirun hands a signal to every rank, and each hands it on

}  // namespace

Director::Director(Transport& transport, const sweeps::Grid& grid, const RunOptions& options, double now)
    : transport_(transport), grid_(grid), options_(options), team_(transport.size(), now), tally_(now),
      canary_(options.canary), now_(now), started_(now) {
  if (options_.quiet) console_.silence();
  std::optional<Deadline> deadline;
  if (options_.deadline) deadline = {*options_.deadline - boot_time(), "--deadline"};
  else if (options_.ask_slurm) deadline = slurm_deadline();
  if (!deadline) return;
  deadline_ = boot_time() + deadline->seconds, time_in_all_ = deadline->seconds;
  deadline_source_ = deadline->source;
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
  if (!coordinator_->result({rank, message.slot}, result.index, result.seconds, result.steps)) return;
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
  const bool timeout = coordinator_->timed_out(id);
  for (const std::uint64_t cell : coordinator_->cells(id)) {
    folder_->ended(cell, attempts_[cell], where, (timeout ? "timeout: " : "crashed: ") + message.reason);
    console_.say((timeout ? "timeout of " : "crash of ") + grid_.label(cell) + " on " + where + ": " + message.reason);
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

// It has shown signs of life, so it may hear, keep what it has, and stop.
void Director::act(const TimeUp& action) {
  const std::string because = "stopped after " + duration(action.seconds) + ": finished cells like it allow " +
                              duration(action.limit) + " (--cell-limit)";
  tell(action.slot.rank, Abandon{action.slot.slot, kTimeToStop, because});
}

void Director::act(const Quarantine& action) {
  const std::string times = std::to_string(action.attempts) + (action.attempts == 1 ? " time" : " times");
  sweeps::CellResult result;
  result.index = action.cell;
  result.status = action.out_of_memory ? sweeps::Status::out_of_memory
                  : action.timeout     ? sweeps::Status::timeout
                                       : sweeps::Status::failed;
  result.reason = (action.timeout ? "tried " : "crashed ") + times + ", the last time " + action.reason;
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

// A job that Slurm has suspended ends later than was said at its start.
void Director::stood_still(double seconds, double now) {
  now_ = now;
  if (seconds < kWorthTelling) return;
  console_.say("this process stood still for " + duration(seconds) +
               " (it was stopped, or its machine slept): nobody is blamed for that time");
  if (!options_.ask_slurm || deadline_ == 0) return;
  if (const auto limit = slurm_deadline(Ask::controller_only)) deadline_ = boot_time() + limit->seconds;
}

void Director::stop_at_once() {
  if (folder_ && !unflushed_.empty()) folder_->flush();
}

}  // namespace phasegrid::orchestrator
