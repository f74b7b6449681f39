#include "orchestrator/event_loop.hpp"

#include <sched.h>

#include <algorithm>
#include <cmath>

#include "orchestrator/machine.hpp"

namespace phasegrid::orchestrator {
namespace {

constexpr double kSpin = 50e-6, kShortest = 20e-6, kLongest = 10e-3, kAlone = 0.25;

}  // namespace

void Pause::operator()(bool happened, std::vector<pollfd>& descriptors, double due) {
  const double now = monotonic();
  if (happened) {
    last_event_ = now;
    pause_ = kShortest;
    return;
  }
  double pause = kAlone;
  if (polling_) {
    if (now - last_event_ < kSpin) {
      sched_yield();
      return;
    }
    pause = pause_;
    pause_ = std::min(2 * pause_, kLongest);
  }
  pause = std::clamp(pause, 0.0, std::max(due, 0.0));
  const auto whole = static_cast<time_t>(pause);
  const timespec timeout{whole, std::lround((pause - static_cast<double>(whole)) * 1e9)};
  ppoll(descriptors.data(), descriptors.size(), &timeout, nullptr);
}

}  // namespace phasegrid::orchestrator
