#include "orchestrator/run.hpp"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <functional>

#include "orchestrator/agent.hpp"
#include "orchestrator/awake_time.hpp"
#include "orchestrator/data_files.hpp"
#include "orchestrator/director.hpp"
#include "orchestrator/event_loop.hpp"
#include "orchestrator/gpus.hpp"
#include "orchestrator/machine.hpp"
#include "orchestrator/signals.hpp"

namespace phasegrid::orchestrator {
namespace {

constexpr double kFarewell = 3;  // seconds for the last messages and for the others to leave
constexpr int kStopped = 75;

bool goes_to_director(const std::string& bytes) { return kind_of(bytes) <= Kind::stop_requested; }

void wait(Pause& pause, const Agent& agent, const Signals& signals, bool happened, double due) {
  std::vector<pollfd> descriptors{{signals.descriptor(), POLLIN, 0}};
  agent.add_descriptors(descriptors);
  pause(happened, descriptors, due);
}

// Lets what was sent go out, for a bounded time.
void deliver(Transport& transport, const std::function<bool()>& over) {
  const double until = monotonic() + kFarewell;
  Parcel ignored;
  while (monotonic() < until && !(transport.idle() && over())) {
    while (transport.receive(ignored)) {}
    usleep(1000);
  }
}

kernels::GpuSurvey survey(const RunOptions& options) {
  return options.device == "cpu" ? kernels::GpuSurvey{} : ask_for_gpus();
}

// Every rank but 0: an agent alone.
int follow(Transport& transport, Signals& signals, const RunOptions& options) {
  Pause pause(transport.must_be_polled());
  AwakeTime awake;
  Agent agent(transport, awake(), survey(options));
  while (!agent.done()) {
    bool happened = false;
    Parcel parcel;
    while (!agent.done() && transport.receive(parcel)) agent.handle(parcel.bytes, awake()), happened = true;
    happened |= agent.poll(awake());
    if (const int number = signals.take_stop()) agent.request_stop(number);
    if (signals.take_hint()) agent.request_stop(SIGUSR1);
    wait(pause, agent, signals, happened, 1);
  }
  if (!agent.orderly()) {
    if (!agent.trouble().empty())
      std::fprintf(stderr, "phasegrid: rank %d: %s\n", transport.rank(), agent.trouble().c_str());
    agent.end_executors();
    _exit(0);
  }
  return 0;
}

// One round of rank 0's event loop. Returns whether anything happened.
bool round(Transport& transport, Signals& signals, Director& director, Agent& agent, AwakeTime& awake) {
  bool happened = false;
  awake();
  if (const double gap = awake.take_gaps(); gap > 0) director.stood_still(gap, awake());
  Parcel parcel;
  while (!director.done() && transport.receive(parcel)) {
    happened = true;
    if (goes_to_director(parcel.bytes)) director.handle(parcel, awake());
    else agent.handle(parcel.bytes, awake());
  }
  happened |= agent.poll(awake());
  happened |= director.poll(awake());
  if (signals.stops() > 1) {
    director.stop_at_once();
    agent.end_executors();
    _exit(kStopped);
  }
  if (const int number = signals.take_stop())
    director.stop(std::string("signal ") + std::to_string(number), awake());
  if (signals.take_hint()) director.hint(awake());
  return happened;
}

// Rank 0: director and agent in one event loop.
int lead(Transport& transport, Signals& signals, const sweeps::Grid& grid, const RunOptions& options) {
  Pause pause(transport.must_be_polled());
  AwakeTime awake;
  Director director(transport, grid, options, awake());
  Agent agent(transport, awake(), survey(options));
  const pid_t launcher = getppid();
  try {
    while (!director.done()) {
      const bool happened = round(transport, signals, director, agent, awake);
      if (started_by_launcher() && getppid() != launcher) director.stop("the end of mpirun", awake());
      if (!director.done()) wait(pause, agent, signals, happened, director.due(awake()));
    }
  } catch (const results::RunError& error) {
    if (!director.began()) throw;
    director.fail(error.what());
  }
  agent.end_executors();
  deliver(transport, [&] { return !director.anyone_lost() || director.everyone_left(); });
  return director.exit_code();
}

}  // namespace

int run(const RunOptions& options) {
  Signals signals;
  const auto transport = make_transport();
  if (transport->rank() != 0) {
    const int code = follow(*transport, signals, options);
    transport->leave(kFarewell, code);
    return code;
  }
  try {
    const auto grid = read_sweep(options.sweep);
    const int code = lead(*transport, signals, grid, options);
    transport->leave(kFarewell, code);
    return code;
  } catch (...) {  // the others must not wait for us
    for (int rank = 1; rank < transport->size(); ++rank) transport->send(rank, encode(Bye{}));
    deliver(*transport, [] { return true; });
    transport->leave(kFarewell, 2);
    throw;
  }
}

}  // namespace phasegrid::orchestrator
