// What an agent sees of its executors and of its coordinator: signs of life, ends and their causes.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "orchestrator/agent.hpp"
#include "orchestrator/machine.hpp"

namespace phasegrid::orchestrator {
namespace {

constexpr double kCoordinatorSilence = 180;  // it may be writing a large file to a slow disk

std::string last_words_of(Child& child) {
  const std::string words = child.last_words();
  return words.empty() ? "" : "; last words: " + words;
}

std::string at_step(const Progress& progress) {
  if (progress.steps <= 0) return "";
  return " at step " + std::to_string(progress.step) + " of " + std::to_string(progress.steps);
}

}  // namespace

void Agent::now_idle(int index) {
  Slot& slot = slots_[static_cast<std::size_t>(index)];
  if (slot.giving_up && slot.stopped_because.empty()) {
    tell(Abandoned{index});
  } else if (!slot.cells.empty()) {
    const std::string how =
        slot.giving_up ? slot.stopped_because + at_step(slot.progress) : "the worker came back without a result";
    tell(Crashed{index, false, how + last_words_of(slot.child)});
  }
  slot.state = State::idle;
  slot.cells.clear();
  slot.giving_up = false;
  slot.stopped_because.clear();
  slot.failed_starts = 0;
  tell(Free{index});
}

// An executor that gives no sign of life is ended, and so is one that does not give up when asked.
void Agent::watch(Slot& slot, double now) {
  if (slot.state == State::idle || !slot.killed_because.empty()) return;
  if (now - slot.last_sign > setup_.hang_limit) {
    slot.killed_because = "no sign of life for " + std::to_string(static_cast<int>(setup_.hang_limit)) + " s, killed";
  } else if (slot.giving_up && now > slot.kill_at) {
    slot.killed_because = slot.stopped_because.empty() ? "given up" : slot.stopped_because + ", then killed";
  } else {
    return;
  }
  slot.child.kill();
}

// Killed by the kernel for its memory, or ended by an allocation that failed: its name is the library's last word.
bool Agent::ran_out_of_memory(const Slot& slot, int status, const std::string& words) {
  const bool unasked_kill = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && slot.killed_because.empty();
  return (unasked_kill && out_of_memory_kills() > slot.oom_before) || words.find("std::bad_alloc") != std::string::npos;
}

void Agent::ended(int index, int status, double now) {
  Slot& slot = slots_[static_cast<std::size_t>(index)];
  const std::string words = last_words_of(slot.child);
  const bool out_of_memory = ran_out_of_memory(slot, status, words);
  std::string reason = !slot.killed_because.empty() ? slot.killed_because : describe_wait_status(status);
  if (out_of_memory && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
    reason += ", as the kernel does when memory runs out";
  reason += at_step(slot.progress) + words;
  pass_on_words(index, true);
  const State before = slot.state;
  const bool asked = slot.giving_up && slot.stopped_because.empty();
  slot.child = Child();
  slot.state = State::empty;
  slot.start_at = now, slot.closed_at = 0;
  if (before == State::starting) return failed_start(index, reason, now);
  if (before != State::busy) return;
  if (asked) return tell(Abandoned{index});
  tell(Crashed{index, out_of_memory, reason});
}

// What executors have written, a little of it every second.
void Agent::pass_on_words(int index, bool all) {
  std::string text = slots_[static_cast<std::size_t>(index)].child.take_words(all);
  if (!text.empty()) tell(Said{index, std::move(text)});
}

void Agent::beat() {
  for (int slot = 0; slot < static_cast<int>(slots_.size()); ++slot) pass_on_words(slot, false);
  Beat message;
  for (const Slot& slot : slots_) {
    const bool known = slot.state == State::busy && slot.progress.steps > 0;
    const double fraction =
        known ? static_cast<double>(slot.progress.step) / static_cast<double>(slot.progress.steps) : 0;
    message.fractions.push_back(slot.state == State::busy ? static_cast<float>(fraction) : -1);
  }
  tell(message);
}

void Agent::watch_coordinator(double now) {
  if (transport_.rank() == 0 || done_) return;
  if (has_ended(coordinator_)) {
    trouble_ = "the coordinator (rank 0) has ended";
  } else if (now - last_heard_ > kCoordinatorSilence) {
    trouble_ =
        "no word from the coordinator (rank 0) for " + std::to_string(static_cast<int>(kCoordinatorSilence)) + " s";
  } else if (getppid() != launcher_) {
    trouble_ = "mpirun has ended";
  } else {
    return;
  }
  done_ = true;
  orderly_ = false;
}

}  // namespace phasegrid::orchestrator
