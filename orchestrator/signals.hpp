// Signals as things that happened, to be asked about between two events.
#pragma once
#include "orchestrator/fd.hpp"

namespace phasegrid::orchestrator {

// Installs handlers for SIGINT, SIGTERM, SIGHUP (stop) and SIGUSR1 (the wall-time limit is near). One per process.
class Signals {
 public:
  Signals();
  int take_stop();                 // the signal that asked to stop since the last call, or 0
  bool take_hint();                // SIGUSR1 since the last call
  int stops() const;               // how many stop signals so far
  int descriptor() const;          // readable when a signal has come: wakes poll()
};

}  // namespace phasegrid::orchestrator
