#include "orchestrator/awake_time.hpp"

#include <utility>

namespace phasegrid::orchestrator {

double AwakeTime::operator()() {
  const double now = clock_(), passed = now - std::exchange(last_, now);
  if (passed > kGap) gaps_ += passed;
  else if (passed > 0) awake_ += passed;
  return awake_;
}

double AwakeTime::take_gaps() { return std::exchange(gaps_, 0); }

}  // namespace phasegrid::orchestrator
