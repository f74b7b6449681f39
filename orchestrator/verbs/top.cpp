// A live view of a run from any shell that sees its folder: reads the journals, touches nothing.
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <ctime>
#include <memory>

#include "orchestrator/machine.hpp"
#include "orchestrator/overview.hpp"
#include "orchestrator/tally.hpp"
#include "orchestrator/verbs/verbs.hpp"
#include "worker/schema.hpp"

namespace phasegrid::orchestrator {
namespace {

constexpr double kShare = 0.05;  // of the time may go into reading
std::atomic<bool> interrupted = false;

struct Arguments {
  std::string directory;
  bool once = false;
  double every = 1;
};

// The other screen of the terminal, without echo; put back at the end.
class Screen {
 public:
  Screen() {
    tcgetattr(STDIN_FILENO, &before_);
    termios raw = before_;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    struct sigaction action = {};
    action.sa_handler = [](int) { interrupted = true; };
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaction(number, &action, nullptr);
    std::fputs("\x1b[?1049h\x1b[?25l", stdout);
  }
  ~Screen() {
    std::fputs("\x1b[?25h\x1b[?1049l", stdout);
    std::fflush(stdout);
    tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  void show(const std::string& text) const {
    std::string out = "\x1b[H";
    for (const char c : text) out += c == '\n' ? std::string("\x1b[K\n") : std::string(1, c);
    std::fputs((out + "\x1b[J").c_str(), stdout);
    std::fflush(stdout);
  }

 private:
  termios before_{};
};

struct Size {
  int rows = 24, columns = 100;
};

Size terminal_size() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return {1000, 200};
  return {size.ws_row, size.ws_col};
}

std::string bar(double fraction, int width) {
  const int full = static_cast<int>(fraction * width + 0.5);
  std::string text;
  for (int i = 0; i < width; ++i) text += i < full ? "█" : "░";
  return text;
}

// Cuts lines to the terminal's width; ASCII from the label on, so bytes are columns there.
std::string cut(std::string line, int columns) {
  if (static_cast<int>(line.size()) > columns) line.resize(static_cast<std::size_t>(columns));
  return line + "\n";
}

void add_totals(const Overview& view, const results::RunState& state, const sweeps::Grid& grid, int columns,
                std::string& text) {
  const std::uint64_t all = view.recorded + view.left;
  const double fraction = all == 0 ? 1 : static_cast<double>(view.recorded) / static_cast<double>(all);
  text += fmt::format("{} {:.1f} %  {} of {}{} cells", bar(fraction, std::clamp(columns - 50, 10, 50)), 100 * fraction,
                      view.recorded, view.search.empty() ? "" : "about ", all);
  if (!view.search.empty()) text += ", " + view.search;
  if (view.failed > 0) text += fmt::format(", {} failed", view.failed);
  if (view.infeasible > 0) text += fmt::format(", {} infeasible", view.infeasible);
  text += "\n";
  for (std::size_t s = 0; s < view.by_status.size(); ++s)
    if (view.by_status[s] > 0)
      text += fmt::format("{}{} {}", text.back() == '\n' ? "" : ", ", view.by_status[s],
                          to_text(static_cast<sweeps::Status>(s)));
  if (view.crashes > 0) text += fmt::format("{}{} crashes", text.back() == '\n' ? "" : ", ", view.crashes);
  if (view.cells_per_second > 0) text += fmt::format("; {:.3g} cells/min", 60 * view.cells_per_second);
  if (view.cells_per_second > 0 && view.left > 0)
    text += fmt::format(", {} ± {} left", duration(view.seconds_left), duration(view.seconds_error));
  text += "\n";
  if (view.best_accuracy == view.best_accuracy)
    text += cut(fmt::format("best accuracy {:.4f} at {}", view.best_accuracy, grid.label(view.best_cell)), columns);
  if (!state.warnings.empty()) text += fmt::format("{} warnings: see phasegrid status\n", state.warnings.size());
}

std::string page(const std::string& directory, const sweeps::Grid& grid, const results::RunState& state, Size size) {
  const Overview view = overview(grid, state);
  const std::string user = results::in_use_by(directory);
  const std::string shard = state.provenance.shard.whole() ? "" : " shard " + sweeps::to_text(state.provenance.shard);
  std::string text =
      cut(fmt::format("{}{}  {}  {}  {}", grid.name(), shard, directory, state.provenance.device_kind, utc_now()),
          size.columns);
  text += cut(user.empty() ? "nobody works on it now" : "coordinated by " + user, size.columns);
  add_totals(view, state, grid, size.columns, text);

  const int used = static_cast<int>(std::ranges::count(text, '\n')) + 4;
  const int rows = std::max(2, size.rows - used), failures = std::min<int>(3, static_cast<int>(view.failures.size()));
  const int running = std::min<int>(static_cast<int>(view.running.size()), std::max(1, (rows - failures) * 2 / 3));
  const int recent = std::max(0, rows - failures - running);

  const double now = static_cast<double>(std::time(nullptr));
  text += fmt::format("\nrunning {}\n", view.running.size());
  for (int i = 0; i < running; ++i) {
    const auto& a = *view.running[static_cast<std::size_t>(i)];
    text += cut(fmt::format("  {:<24} {:>12}  {}{}", a.where, duration(now - seconds_of_utc(a.started_utc)),
                            grid.label(a.cell), a.attempt > 1 ? fmt::format(" (attempt {})", a.attempt) : ""),
                size.columns);
  }
  text += "last\n";
  for (int i = 0; i < recent && i < static_cast<int>(view.finished.size()); ++i) {
    const auto& a = *view.finished[view.finished.size() - 1 - static_cast<std::size_t>(i)];
    const auto result = state.results.find(a.cell);
    const bool done = a.outcome == "done" && result != state.results.end();
    text += cut(
        fmt::format("  {} {:<10} {}  {}", a.ended_utc.substr(11, 8),
                    done ? fmt::format("{:.4f}", result->second.accuracy) : a.outcome.substr(0, a.outcome.find(':')),
                    grid.label(a.cell), a.outcome.find(':') == std::string::npos ? "" : a.outcome),
        size.columns);
  }
  for (int i = 0; i < failures; ++i) {
    const auto& f = view.failures[static_cast<std::size_t>(i)];
    std::string reason = f.reason;
    std::ranges::replace(reason, '\n', ' ');
    text += cut(fmt::format("{} x {} (cell {})", f.cells, reason, f.example), size.columns);
  }
  text.pop_back();
  return text;
}

bool wait_for_quit(double seconds) {
  pollfd keyboard{STDIN_FILENO, POLLIN, 0};
  const double end = monotonic() + seconds;
  while (!interrupted && monotonic() < end) {
    if (::poll(&keyboard, 1, static_cast<int>(1e3 * (end - monotonic())) + 1) <= 0) continue;
    char key = 0;
    if (read(STDIN_FILENO, &key, 1) != 1 || key == 'q') return true;
    return false;  // any other key: look again now
  }
  return interrupted;
}

int top(const Arguments& args) {
  const bool live = !args.once && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
  std::unique_ptr<Screen> screen;
  const auto schema = worker::make_schema();
  while (true) {
    const double before = monotonic();
    const results::RunState state = results::read_run(args.directory, results::Bulk::skip);
    const auto grid = sweeps::Grid::parse(state.sweep_text, state.sweep_file, schema);
    const std::string text = page(args.directory, grid, state, live ? terminal_size() : Size{40, 160});
    if (!live) {
      fmt::print("{}\n", text);
      return 0;
    }
    if (!screen) screen = std::make_unique<Screen>();
    screen->show(text);
    if (wait_for_quit(std::max(args.every, (monotonic() - before) / kShare))) return 0;
  }
}

}  // namespace

void add_top(CLI::App& app, int& code) {
  auto args = std::make_shared<Arguments>();
  CLI::App* verb = app.add_subcommand("top", "Watch a run from another shell; q ends it");
  verb->add_option("folder", args->directory, "The run folder")->required();
  verb->add_option("--every", args->every, "Seconds between two looks, at least")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  verb->add_flag("--once", args->once, "Look once and print; so it is without a terminal");
  verb->callback([args, &code] { code = top(*args); });
}

}  // namespace phasegrid::orchestrator
