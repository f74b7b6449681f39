#include "orchestrator/executor.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <deque>

#include "orchestrator/channel.hpp"
#include "orchestrator/machine.hpp"
#include "orchestrator/messages.hpp"
#include "sweeps/grid.hpp"
#include "worker/run_pack.hpp"
#include "worker/schema.hpp"

namespace phasegrid::orchestrator {
namespace {

constexpr int kSocket = 3;
constexpr double kProgressEvery = 0.2;  // seconds
constexpr int kLongWait = 60'000;       // milliseconds; the end of the agent ends the wait at once

// A cell is not worth more than its agent: when the socket is closed, so are we.
class Executor {
 public:
  explicit Executor(Channel channel) : channel_(std::move(channel)) {}

  int serve() {
    while (true) {
      const auto message = next();
      if (!message) return 0;
      switch (kind_of(*message)) {
        case Kind::setup: begin(decode<Setup>(*message)); break;
        case Kind::assign: run(decode<Assign>(*message)); break;
        case Kind::stop: break;  // nothing is running any more
        default: throw WireError("an executor received a message that is not for it");
      }
    }
  }

 private:
  std::optional<std::string> next() {
    while (true) {
      if (auto message = channel_.receive()) return message;
      if (!channel_.open()) return std::nullopt;
      channel_.wait(false, kLongWait);
    }
  }

  void say(const std::string& message) {
    channel_.send(message);
    while (channel_.sending() && channel_.open()) channel_.wait(true, kLongWait);
  }

  void begin(const Setup& setup) {
    use_cores(setup.cores);
    grid_.emplace(sweeps::Grid::parse(setup.text, setup.file, worker::make_schema()));
    device_ = {setup.device_kind, setup.threads};
    say(encode(Done{}));
  }

  void run(const Assign& assign) {
    std::vector<sweeps::CellSpec> cells;
    for (const std::uint64_t index : assign.cells) cells.push_back(grid_->cell(index));
    last_progress_ = 0;
    const auto results = worker::run_pack(cells, device_, [this](const worker::Progress& p) { return go_on(p); });
    for (const auto& result : results) {
      if (result.status != sweeps::Status::pending) say(encode(Finished{assign.slot, result}));
    }
    say(encode(Done{}));
  }

  // Between two steps: tells how far we are, and whether to go on.
  bool go_on(const worker::Progress& progress) {
    const double now = monotonic();
    if (now - last_progress_ < kProgressEvery) return true;
    last_progress_ = now;
    channel_.send(encode(Progress{progress.step, progress.steps, progress.loss}));
    const auto message = channel_.receive();
    if (!channel_.open()) _exit(0);
    return !(message && kind_of(*message) == Kind::stop);
  }

  Channel channel_;
  std::optional<sweeps::Grid> grid_;
  worker::Device device_;
  double last_progress_ = 0;
};

}  // namespace

int executor(long parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) return 0;  // it died before the line above
  // Signals to a whole job are for the ranks: they decide, and tell us through the socket.
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGTSTP}) signal(number, SIG_IGN);
  return Executor(Channel(Fd(kSocket))).serve();
}

}  // namespace phasegrid::orchestrator
