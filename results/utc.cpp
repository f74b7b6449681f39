#include "results/utc.hpp"

#include <ctime>

namespace phasegrid::results {

std::string utc_now() {
  static thread_local std::time_t written = 0;  // asked for twice a cell, it changes once a second
  static thread_local std::string last;
  const std::time_t now = std::time(nullptr);
  if (now == written) return last;
  std::tm parts;
  gmtime_r(&now, &parts);
  char text[sizeof "2025-03-01T12:00:00Z"];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  written = now;
  return last = text;
}

}  // namespace phasegrid::results
