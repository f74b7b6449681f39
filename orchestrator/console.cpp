#include "orchestrator/console.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include "orchestrator/machine.hpp"

namespace phasegrid::orchestrator {
namespace {

constexpr const char* kWipe = "\r\x1b[K";

std::size_t columns() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

Console::Console() : terminal_(isatty(STDERR_FILENO) != 0) {}

void Console::say(const std::string& text) {
  end_live();
  if (!silent_) std::fprintf(stderr, "%s\n", text.c_str());
  log_.line(text);
}

void Console::live(const std::string& text) {
  if (!terminal()) return;
  std::fprintf(stderr, "%s%s", kWipe, text.substr(0, columns() - 1).c_str());
  std::fflush(stderr);
  line_shown_ = true;
}

void Console::plain(const std::string& text) {
  if (!terminal_ && !silent_) std::fprintf(stderr, "%s %s\n", utc_now().c_str(), text.c_str());
  log_.line(text);
}

void Console::end_live() {
  if (line_shown_) std::fprintf(stderr, "%s", kWipe);
  line_shown_ = false;
}

}  // namespace phasegrid::orchestrator
