#include "orchestrator/console.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "orchestrator/machine.hpp"
#include "results/run_folder.hpp"

namespace phasegrid::orchestrator {
namespace {

constexpr const char* kWipe = "\r\x1b[K";

std::size_t columns() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

Console::Console() : terminal_(isatty(STDERR_FILENO) != 0) {}

void Console::open_log(const std::filesystem::path& file, long most) {
  file_ = file, most_ = most;
  std::error_code ignored;
  std::filesystem::create_directories(file.parent_path(), ignored);
  log_.reset(std::fopen(file.c_str(), "ae"));
  if (!log_) throw results::RunError("cannot write " + file.string() + ": " + std::strerror(errno));
}

void Console::log(const std::string& text) {
  if (!log_) return;
  std::fprintf(log_.get(), "%s %s\n", utc_now().c_str(), text.c_str());
  std::fflush(log_.get());  // a full disk costs log lines, nothing else
  if (std::ftell(log_.get()) < most_) return;
  log_.reset();
  std::error_code ignored;
  std::filesystem::rename(file_, file_.string() + ".1", ignored);
  log_.reset(std::fopen(file_.c_str(), "ae"));
}

void Console::say(const std::string& text) {
  end_live();
  if (!silent_) std::fprintf(stderr, "%s\n", text.c_str());
  log(text);
}

void Console::live(const std::string& text) {
  if (!terminal()) return;
  std::fprintf(stderr, "%s%s", kWipe, text.substr(0, columns() - 1).c_str());
  std::fflush(stderr);
  line_shown_ = true;
}

void Console::plain(const std::string& text) {
  if (!terminal_ && !silent_) std::fprintf(stderr, "%s %s\n", utc_now().c_str(), text.c_str());
  log(text);
}

void Console::end_live() {
  if (line_shown_) std::fprintf(stderr, "%s", kWipe);
  line_shown_ = false;
}

}  // namespace phasegrid::orchestrator
