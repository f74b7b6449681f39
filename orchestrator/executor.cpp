#include "orchestrator/executor.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <deque>
#include <stdexcept>

#include "orchestrator/binding.hpp"
#include "orchestrator/channel.hpp"
#include "orchestrator/gpus.hpp"
#include "orchestrator/machine.hpp"
#include "orchestrator/messages.hpp"
#include "sweeps/grid.hpp"
#include "worker/replicas_nccl.hpp"
#include "worker/run_pack.hpp"
#include "worker/schema.hpp"

namespace phasegrid::orchestrator {
namespace {

constexpr int kSocket = 3;
constexpr double kProgressEvery = 0.2;  // seconds
constexpr int kKeyWait = 20;            // milliseconds
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
        case Kind::stop: case Kind::gang_join: break;  // what it is about has ended
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
    device_.kind = setup.device_kind, device_.threads = setup.threads;
    if (is_gpu_kind(device_.kind) && kernels::built_with_cuda()) own_gpu();
    say(encode(Done{}));
  }

  // The one GPU that this process sees is its own until it ends. What is wrong with it are last words.
  void own_gpu() const {
    const kernels::GpuSurvey survey = kernels::survey_gpus();
    if (const std::string why = trouble(survey); !why.empty()) throw std::runtime_error(why);
    const kernels::Gpu& gpu = survey.gpus.front();
    if (!gpu.problem.empty() || gpu.kind != device_.kind)
      throw std::runtime_error(gpu.uuid + " " + (gpu.problem.empty() ? "is of kind " + gpu.kind + ", not " + device_.kind : gpu.problem));
  }

  void run(const Assign& assign) {
    std::vector<sweeps::CellSpec> cells;
    for (const std::uint64_t index : assign.cells) cells.push_back(grid_->cell(index));
    last_progress_ = 0, progress_ = {};
    try {
      const auto replicas = join(assign);
      const auto results = worker::run_pack(cells, device_, [this](const worker::Progress& p) { return go_on(p); }, {}, replicas.get());
      for (const auto& result : results) {
        if (result.status != sweeps::Status::pending && assign.replica == 0) say(encode(Finished{assign.slot, result}));
      }
    } catch (const worker::GangBroken&) {}  // told to give up before all had come
    say(encode(Done{}));
  }

  // Its place in a gang; null where the slot trains alone.
  std::unique_ptr<worker::Replicas> join(const Assign& assign) {
    if (assign.replicas <= 1) return nullptr;
    const worker::Waiting waiting = [this] { return wait_on(); };
    if (is_gpu_kind(device_.kind)) return worker::nccl_replicas(gang_key(assign), assign.replica, assign.replicas, waiting);
    return worker::shared_replicas(channel_.take_file().release(), assign.replica, assign.replicas, waiting);
  }

  // Replica 0's, which the coordinator brings to the others.
  std::string gang_key(const Assign& assign) {
    if (assign.replica == 0) {
      const std::string key = worker::nccl_key();
      say(encode(GangKey{assign.slot, assign.gang, key}));
      return key;
    }
    while (join_.gang != assign.gang) {
      channel_.wait(false, kKeyWait);
      if (!wait_on()) throw worker::GangBroken();
    }
    return join_.key;
  }

  // Between two steps: tells how far we are, and whether to go on.
  bool go_on(const worker::Progress& progress) {
    progress_ = progress;
    return monotonic() - last_progress_ < kProgressEvery || wait_on();
  }

  // Gives a sign of life when it is time, and hears whether to go on.
  bool wait_on() {
    const double now = monotonic();
    if (now - last_progress_ >= kProgressEvery) {
      last_progress_ = now;
      channel_.send(encode(Progress{progress_.step, progress_.steps, progress_.loss}));
    }
    const auto message = channel_.receive();
    if (!channel_.open()) _exit(0);
    if (message && kind_of(*message) == Kind::gang_join) join_ = decode<GangJoin>(*message);
    return !(message && kind_of(*message) == Kind::stop);
  }

  Channel channel_;
  std::optional<sweeps::Grid> grid_;
  worker::Device device_;
  double last_progress_ = 0;
  worker::Progress progress_{};
  GangJoin join_;                         // the last that has come
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
