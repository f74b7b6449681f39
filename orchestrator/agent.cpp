#include "orchestrator/agent.hpp"

#include <unistd.h>

#include <algorithm>
#include <system_error>

#include "orchestrator/binding.hpp"
#include "orchestrator/gpus.hpp"
#include "orchestrator/machine.hpp"
#include "orchestrator/scratch.hpp"
#include "orchestrator/version.hpp"
#include "sweeps/grid.hpp"
#include "worker/run_pack.hpp"
#include "worker/schema.hpp"

namespace phasegrid::orchestrator {
namespace {

constexpr double kLastWords = 2;  // seconds: an executor that closes its socket may still say why on its way out
constexpr double kBeatEvery = 1;
constexpr int kFailedStarts = 3;

}  // namespace

Agent::Agent(Transport& transport, double now, kernels::GpuSurvey survey)
    : transport_(transport), last_beat_(now), last_heard_(now), launcher_(getppid()) {
  Hello hello{host_name(), getpid(), static_cast<std::int32_t>(job_cores().size()), worker::cpu_kinds(),
              worker::kNumericsVersion, git_hash(), node_name(), visible_gpus()};
  for (const std::string& kind : usable_kinds(survey)) hello.kinds.push_back(kind);
  hello.survey = std::move(survey);
  tell(hello);
}

Agent::~Agent() { end_executors(); }

void Agent::end_executors() {
  for (Slot& slot : slots_) slot.child.kill();  // all first: they end side by side
  slots_.clear();
}

void Agent::handle(const std::string& message, double now) {
  last_heard_ = now;
  switch (kind_of(message)) {
    case Kind::setup: return begin(decode<Setup>(message), now);
    case Kind::assign: return assign(decode<Assign>(message), now);
    case Kind::abandon: return abandon(decode<Abandon>(message), now);
    case Kind::pulse: return;
    case Kind::gang_join: return pass_on(decode<GangJoin>(message));
    case Kind::bye:
      done_ = true;
      orderly_ = decode<Bye>(message).orderly;
      return;
    default: throw WireError("an agent received a message that is not for it");
  }
}

// Reads the same text into the same grid as rank 0, and says so.
void Agent::begin(const Setup& setup, double now) {
  setup_ = setup;
  setup_.cores = job_cores();
  Ready ready;
  try {
    ready.hash = sweeps::Grid::parse(setup_.text, setup_.file, worker::make_schema()).hash();
  } catch (const std::exception& error) {
    ready.error = error.what();
  }
  tell(ready);
  if (ready.hash != setup_.hash) return;  // rank 0 ends the run
  if (transport_.rank() != 0 && setup_.host == host_name()) coordinator_ = watch_process(setup_.pid);
  if (setup_.scratch_cleaner) clean_scratch(setup_.scratch, setup_.scratch_kept);
  slots_.resize(static_cast<std::size_t>(setup_.slots));
  for (int slot = 0; slot < setup_.slots; ++slot) start(slot, now);
}

void Agent::start(int index, double now) {
  Slot& slot = slots_[static_cast<std::size_t>(index)];
  slot.cells.clear();
  slot.progress = {};
  slot.killed_because.clear();
  slot.stopped_because.clear();
  slot.giving_up = false;
  slot.last_sign = now;
  slot.oom_before = out_of_memory_kills();
  try {
    const auto gpu = static_cast<std::size_t>(index) < setup_.gpus.size() ? setup_.gpus[static_cast<std::size_t>(index)] : "";
    slot.child = Child::spawn(gpu);
  } catch (const std::system_error& error) {
    return failed_start(index, error.what(), now);
  }
  slot.state = State::starting;
  slot.child.channel.send(encode(setup_));
}

// A machine out of processes or memory may recover; a binary that cannot run does not.
void Agent::failed_start(int index, const std::string& reason, double now) {
  Slot& slot = slots_[static_cast<std::size_t>(index)];
  slot.state = State::empty;
  slot.start_at = now + ++slot.failed_starts;
  if (slot.failed_starts < kFailedStarts) return;
  slot.lost = true;
  tell(SlotLost{index, "its executor does not start: " + reason});
}

void Agent::assign(const Assign& assign, double now) {
  Slot& slot = slots_.at(static_cast<std::size_t>(assign.slot));
  Fd memory;
  try {
    if (assign.replicas > 1 && !is_gpu_kind(setup_.device_kind)) memory = gang_files_.take(assign.gang, assign.replicas);
  } catch (const std::system_error& error) {
    tell(Crashed{assign.slot, false, error.what()});
    return slot.state == State::idle ? tell(Free{assign.slot}) : void();
  }
  if (slot.state != State::idle) return tell(Abandoned{assign.slot});  // it crashed while the message was on its way
  slot.state = State::busy;
  slot.cells.clear();
  if (assign.replica == 0) slot.cells = {assign.cells.begin(), assign.cells.end()};   // the others of a gang bring no results
  slot.progress = {};
  slot.last_sign = now;
  slot.child.channel.send(encode(assign), std::move(memory));
}

void Agent::pass_on(const GangJoin& join) {
  Slot& slot = slots_.at(static_cast<std::size_t>(join.slot));
  if (slot.state == State::busy) slot.child.channel.send(encode(join));
}

void Agent::abandon(const Abandon& order, double now) {
  Slot& slot = slots_.at(static_cast<std::size_t>(order.slot));
  if (slot.state != State::busy) return;  // it has said how it ended
  slot.giving_up = true;
  slot.kill_at = now + order.patience;
  if (!order.because.empty()) slot.stopped_because = order.because;
  slot.child.channel.send(encode(Stop{}));
}

bool Agent::poll(double now) {
  bool happened = false;
  for (int slot = 0; slot < static_cast<int>(slots_.size()); ++slot) happened |= poll_slot(slot, now);
  if (now - last_beat_ >= kBeatEvery) {
    last_beat_ = now;
    beat();
    watch_coordinator(now);
  } else if (has_ended(coordinator_)) {
    watch_coordinator(now);
  }
  return happened;
}

bool Agent::poll_slot(int index, double now) {
  Slot& slot = slots_[static_cast<std::size_t>(index)];
  if (slot.lost) return false;
  if (slot.state == State::empty) {
    if (now < slot.start_at || done_) return false;
    start(index, now);
    return true;
  }
  bool happened = false;
  slot.child.channel.write_some();
  while (const auto message = slot.child.channel.receive()) {
    hear(index, *message, now);
    happened = true;
  }
  slot.child.read_errors();
  watch(slot, now);
  if (slot.child.channel.open()) return happened;
  if (slot.closed_at == 0) slot.closed_at = now;
  if (now - slot.closed_at > kLastWords) slot.child.kill();  // whatever closed the socket, it is of no use any more
  if (const auto status = slot.child.reap()) {
    ended(index, *status, now);
    return true;
  }
  return happened;
}

void Agent::hear(int index, const std::string& message, double now) {
  Slot& slot = slots_[static_cast<std::size_t>(index)];
  slot.last_sign = now;
  switch (kind_of(message)) {
    case Kind::progress: slot.progress = decode<Progress>(message); return;
    case Kind::finished:
      slot.cells.erase(decode<Finished>(message).result.index);
      return transport_.send(0, message);
    case Kind::checkpoint: return transport_.send(0, message);
    case Kind::gang_key: {
      const auto key = decode<GangKey>(message);
      return tell(GangKey{index, key.gang, key.bytes});
    }
    case Kind::done: return now_idle(index);
    default: throw WireError("an executor said something that is not for an agent");
  }
}

void Agent::request_stop(int signal) { tell(StopRequested{signal}); }

void Agent::add_descriptors(std::vector<pollfd>& list) const {
  for (const Slot& slot : slots_) {
    if (!slot.child) continue;
    const short writing = slot.child.channel.sending() ? POLLOUT : 0;
    if (slot.child.channel.open()) list.push_back({slot.child.channel.fd(), static_cast<short>(POLLIN | writing), 0});
    if (slot.child.error_fd() >= 0) list.push_back({slot.child.error_fd(), POLLIN, 0});
  }
}

}  // namespace phasegrid::orchestrator
