// The time for which this process has been awake, in seconds from an arbitrary origin.
//
// An event loop looks at least once a second. Where two looks are far apart the process was stopped (SIGSTOP,
// `scontrol suspend`, a sleeping or paused machine) or the clock jumped; everybody that it waits for may have been
// stopped as well. Such a gap counts as nothing: nobody has been silent, or has taken long, while nobody could listen.
// A clock that goes back stands still here.
#pragma once
#include <functional>

#include "orchestrator/machine.hpp"

namespace phasegrid::orchestrator {

class AwakeTime {
 public:
  static constexpr double kGap = 5;         // seconds

  explicit AwakeTime(std::function<double()> clock = monotonic)
      : clock_(std::move(clock)), last_(clock_()), awake_(last_) {}
  double operator()();
  double take_gaps();                       // seconds that did not count, since the last call

 private:
  std::function<double()> clock_;
  double last_, awake_, gaps_ = 0;
};

}  // namespace phasegrid::orchestrator
