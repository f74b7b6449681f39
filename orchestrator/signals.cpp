#include "orchestrator/signals.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace phasegrid::orchestrator {
namespace {

volatile sig_atomic_t stop_signal = 0, stop_count = 0, hinted = 0;
int wake[2] = {-1, -1};

extern "C" void note_signal(int number) {
  const int before = errno;
  if (number == SIGUSR1) {
    hinted = 1;
  } else {
    stop_signal = number;
    stop_count = stop_count + 1;
  }
  [[maybe_unused]] const ssize_t n = write(wake[1], "", 1);  // a full pipe wakes as well
  errno = before;
}

void drain() {
  char buffer[64];
  while (read(wake[0], buffer, sizeof buffer) > 0) {}
}

}  // namespace

Signals::Signals() {
  if (pipe2(wake, O_CLOEXEC | O_NONBLOCK) != 0)
    throw std::system_error(errno, std::generic_category(), "cannot make a pipe");
  struct sigaction action {};
  action.sa_handler = note_signal;
  action.sa_flags = SA_RESTART;
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) sigaction(number, &action, nullptr);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);  // a file-size limit is met by the error of the write, like a full disk
}

int Signals::take_stop() {
  drain();
  const int number = stop_signal;
  stop_signal = 0;
  return number;
}

bool Signals::take_hint() {
  const bool before = hinted != 0;
  hinted = 0;
  return before;
}

int Signals::stops() const { return stop_count; }
int Signals::descriptor() const { return wake[0]; }

}  // namespace phasegrid::orchestrator
