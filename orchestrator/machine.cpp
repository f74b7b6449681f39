#include "orchestrator/machine.hpp"

#include <poll.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "orchestrator/transport.hpp"

namespace phasegrid::orchestrator {
namespace {

std::vector<std::int32_t> cores_of(pid_t pid) {
  constexpr int kMost = 8192;
  std::vector<std::int32_t> cores;
  cpu_set_t* set = CPU_ALLOC(kMost);
  const std::size_t bytes = CPU_ALLOC_SIZE(kMost);
  CPU_ZERO_S(bytes, set);
  if (sched_getaffinity(pid, bytes, set) == 0) {
    for (int core = 0; core < kMost; ++core) {
      if (CPU_ISSET_S(core, bytes, set)) cores.push_back(core);
    }
  }
  CPU_FREE(set);
  return cores;
}

// cgroup v2: "max 100000" or "150000 100000" (1.5 cores).
double quota_in_cores() {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  double quota = 0, period = 0;
  return file >> quota >> period && period > 0 ? quota / period : HUGE_VAL;
}

double seconds(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

}  // namespace

std::string host_name() {
  char name[256] = {};
  gethostname(name, sizeof name - 1);
  return name;
}

std::string utc_now() {
  const time_t now = time(nullptr);
  tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

std::vector<std::int32_t> job_cores() {
  std::vector<std::int32_t> cores = cores_of(0);
  if (started_by_launcher()) {
    const auto of_launcher = cores_of(getppid());
    if (of_launcher.size() > cores.size()) cores = of_launcher;
  }
  const double quota = quota_in_cores();
  if (quota < static_cast<double>(cores.size()))
    cores.resize(static_cast<std::size_t>(std::max(1.0, std::ceil(quota))));
  return cores;
}

void use_cores(const std::vector<std::int32_t>& cores) {
  if (cores.empty()) return;
  const int most = *std::max_element(cores.begin(), cores.end()) + 1;
  cpu_set_t* set = CPU_ALLOC(most);
  const std::size_t bytes = CPU_ALLOC_SIZE(most);
  CPU_ZERO_S(bytes, set);
  for (const int core : cores) CPU_SET_S(core, bytes, set);
  sched_setaffinity(0, bytes, set);  // a refusal leaves the process where it was, which only costs speed
  CPU_FREE(set);
}

Fd watch_process(std::int64_t pid) { return Fd(static_cast<int>(syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0))); }

bool has_ended(const Fd& watched) {
  pollfd entry{watched.get(), POLLIN, 0};
  return watched && poll(&entry, 1, 0) > 0;
}

std::int64_t out_of_memory_kills() {
  std::ifstream file("/proc/vmstat");
  for (std::string name; file >> name;) {
    std::int64_t value = 0;
    file >> value;
    if (name == "oom_kill") return value;
  }
  return 0;
}

double monotonic() { return seconds(CLOCK_MONOTONIC); }
double boot_time() { return seconds(CLOCK_BOOTTIME); }

}  // namespace phasegrid::orchestrator
