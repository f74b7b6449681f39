#include "orchestrator/executor.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <deque>
#include <stdexcept>

#include "kernels/device/kinds.hpp"
#include "orchestrator/binding.hpp"
#include "orchestrator/channel.hpp"
#include "orchestrator/gpus.hpp"
#include "orchestrator/machine.hpp"
#include "orchestrator/messages.hpp"
#include "orchestrator/scratch.hpp"
#include "sweeps/grid.hpp"
#include "worker/checkpoint.hpp"
#include "worker/replicas_nccl.hpp"
#include "worker/run_pack.hpp"
#include "worker/schema.hpp"

namespace phasegrid::orchestrator {
namespace {

constexpr int kSocket = 3;
constexpr double kLookEvery = 0.02;        // seconds between two looks for an order to stop
constexpr double kProgressEvery = 0.2;
constexpr double kWorthSaving = 1;         // seconds of training that an order to stop should not cost
constexpr double kBytesPerSecond = 1e6;    // that checkpoints of one executor may bring to the coordinator on average
constexpr int kKeyWait = 20;               // milliseconds
constexpr int kLongWait = 60'000;          // milliseconds; the end of the agent ends the wait at once

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

  void begin(Setup setup) {
    setup_ = std::move(setup);
    use_cores(setup_.cores);
    grid_.emplace(sweeps::Grid::parse(setup_.text, setup_.file, worker::make_schema()));
    device_.kind = setup_.device_kind, device_.threads = setup_.threads;
    if (is_gpu_kind(device_.kind) && kernels::built_with_cuda()) own_gpu();
    say(encode(Done{}));
  }

  // The one GPU that this process sees is its own until it ends. What is wrong with it are last words.
  void own_gpu() const {
    const kernels::GpuSurvey survey = kernels::survey_gpus();
    if (const std::string why = trouble(survey); !why.empty()) throw std::runtime_error(why);
    const kernels::Gpu& gpu = survey.gpus.front();
    const std::string kind = kernels::plain_kind(device_.kind);
    if (!gpu.problem.empty() || gpu.kind != kind)
      throw std::runtime_error(gpu.uuid + " " + (gpu.problem.empty() ? "is of kind " + gpu.kind + ", not " + kind : gpu.problem));
  }

  // Cells that go on from different steps train one group after another.
  void run(Assign assign) {
    std::vector<sweeps::CellSpec> cells;
    for (const std::uint64_t index : assign.cells) cells.push_back(grid_->cell(index));
    progress_ = {}, stopped_ = false;
    try {
      const auto replicas = join(assign);
      std::vector<std::string> states = checkpoints(assign, cells);
      for (const auto& group : worker::group_by_step(cells, device_, states)) {
        if (!stopped_) run_group(cells, states, group, assign, replicas.get());
      }
    } catch (const worker::GangBroken&) {}  // told to give up before all had come
    say(encode(Done{}));
  }

  std::vector<std::string> checkpoints(Assign& assign, const std::vector<sweeps::CellSpec>& cells) const {
    std::vector<std::string> states = std::move(assign.checkpoints);
    states.resize(cells.size());
    for (std::size_t i = 0; i < cells.size() && !setup_.scratch.empty() && assign.replicas == 1; ++i)
      if (states[i].empty()) states[i] = read_scratch(setup_.scratch, worker::checkpoint_name(cells[i], device_));
    return states;
  }

  void run_group(const std::vector<sweeps::CellSpec>& all, std::vector<std::string>& states, const std::vector<std::size_t>& group,
                 const Assign& assign, worker::Replicas* replicas) {
    cells_.clear();
    std::vector<std::string> from;
    for (const std::size_t i : group) cells_.push_back(all[i]), from.push_back(std::move(states[i]));
    if (from.front().empty()) from.clear();
    slot_ = assign.slot;
    last_look_ = last_progress_ = 0;
    saved_at_ = monotonic(), saved_bytes_ = 0;
    const auto results = worker::run_pack(cells_, device_, [this](const worker::Progress& p) { return go_on(p); }, {}, replicas, from);
    for (std::size_t i = 0; i < results.size() && assign.replica == 0; ++i) {
      if (results[i].status == sweeps::Status::pending) continue;
      say(encode(Finished{slot_, results[i]}));
      if (!setup_.scratch.empty()) remove_scratch(setup_.scratch, worker::checkpoint_name(cells_[i], device_));
    }
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
    const double now = monotonic();
    if (now - last_look_ < kLookEvery) return true;
    last_look_ = now;
    stopped_ = !wait_on();
    const double every = setup_.checkpoint_every, trained = now - saved_at_;
    const double due = stopped_ ? std::min(kWorthSaving, every) : std::max(every, static_cast<double>(saved_bytes_) / kBytesPerSecond);
    if (every > 0 && progress.save && trained >= due) save(progress);
    progress_.save = nullptr;
    return !stopped_;
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

  void save(const worker::Progress& progress) {
    const std::vector<std::string> states = (*progress.save)();
    saved_bytes_ = 0;
    for (std::size_t i = 0; i < states.size(); ++i) {
      if (states[i].empty()) continue;   // of the other half of a pack that did not fit
      Checkpoint message{slot_, cells_[i].index, progress.step, progress.steps, {}};
      if (setup_.scratch.empty()) {
        message.bytes = states[i];
        saved_bytes_ += states[i].size();
      } else if (!write_scratch(setup_.scratch, worker::checkpoint_name(cells_[i], device_), states[i])) {
        std::fprintf(stderr, "a checkpoint cannot be written to %s: it is full, or not for us\n", setup_.scratch.c_str());
        continue;
      }
      if (message.bytes.size() <= Channel::kLongest / 2) say(encode(message));
    }
    saved_at_ = monotonic();
  }

  Channel channel_;
  Setup setup_;
  std::optional<sweeps::Grid> grid_;
  worker::Device device_;
  std::int32_t slot_ = 0;
  std::vector<sweeps::CellSpec> cells_;       // that train now
  bool stopped_ = false;
  double last_look_ = 0, last_progress_ = 0, saved_at_ = 0;
  std::size_t saved_bytes_ = 0;
  worker::Progress progress_{};
  GangJoin join_;                             // the last that has come
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
