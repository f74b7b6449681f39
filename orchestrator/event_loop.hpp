// Waiting that neither spins nor misses: between two rounds of an event loop.
//
// MPI tells of arrivals only when asked, so a rank with company asks often while messages flow (50 microseconds without a pause)
// and ever more rarely afterwards (pauses of 20 microseconds to 10 milliseconds). Executors and signals wake it at once.
#pragma once
#include <poll.h>

#include <vector>

namespace phasegrid::orchestrator {

class Pause {
 public:
  explicit Pause(bool polling) : polling_(polling) {}
  // `happened`: the last round found something to do. `due`: seconds until something must be done anyway.
  void operator()(bool happened, std::vector<pollfd>& descriptors, double due);

 private:
  bool polling_;
  double last_event_ = 0;
  double pause_ = 0;
};

}  // namespace phasegrid::orchestrator
