// One per rank: supervises executors, passes cells down and results up. Trains nothing itself.
//
// A slot's executor may crash, hang or be killed at any time; the agent reports what happened and starts another. Single-threaded:
// the event loop (run.cpp) calls handle() for each message and poll() when something may have changed.
#pragma once
#include <poll.h>

#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include "orchestrator/child.hpp"
#include "orchestrator/gang_files.hpp"
#include "orchestrator/messages.hpp"
#include "orchestrator/transport.hpp"

namespace phasegrid::orchestrator {

class Agent {
 public:
  Agent(Transport& transport, double now, kernels::GpuSurvey survey = {});   // what GPUs it may use
  ~Agent();                                         // ends its executors

  void handle(const std::string& message, double now);   // from the coordinator
  bool poll(double now);                            // true if anything happened
  void add_descriptors(std::vector<pollfd>& list) const;
  void request_stop(int signal);
  void end_executors();                             // kills them; their ends are not reported any more

  bool done() const { return done_; }               // the coordinator said goodbye, or is lost
  bool orderly() const { return orderly_; }         // false: leave without waiting for the others
  const std::string& trouble() const { return trouble_; }

 private:
  enum class State { empty, starting, idle, busy };
  struct Slot {
    State state = State::empty;
    Child child;
    std::unordered_set<std::uint64_t> cells;        // running, without a result; of a gang: replica 0's only
    Progress progress;
    double last_sign = 0, kill_at = 0, start_at = 0, closed_at = 0;   // closed_at: when its socket was first seen closed, or 0
    int failed_starts = 0;                          // in a row
    bool lost = false, giving_up = false;
    std::string stopped_because;                    // "" unless its cells took too long
    std::string killed_because;                     // "" unless we killed it
    std::int64_t oom_before = 0;
  };

  void begin(const Setup& setup, double now);
  void assign(const Assign& assign, double now);
  void abandon(const Abandon& order, double now);
  void pass_on(const GangJoin& join);
  void start(int index, double now);
  bool poll_slot(int index, double now);
  void hear(int index, const std::string& message, double now);
  void now_idle(int index);
  static bool ran_out_of_memory(const Slot& slot, int status, const std::string& words);
  void ended(int index, int status, double now);
  void failed_start(int index, const std::string& reason, double now);
  void watch(Slot& slot, double now);
  void watch_coordinator(double now);
  void pass_on_words(int slot, bool all);
  void beat();
  template <class Message>
  void tell(const Message& message) { transport_.send(0, encode(message)); }

  Transport& transport_;
  Setup setup_;
  GangFiles gang_files_;
  std::vector<Slot> slots_;
  Fd coordinator_;                                  // of the same host: tells at once when it is gone
  double last_beat_, last_heard_;
  pid_t launcher_;
  bool done_ = false, orderly_ = true;
  std::string trouble_;
};

}  // namespace phasegrid::orchestrator
