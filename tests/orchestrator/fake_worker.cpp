// A worker that trains nothing: a hash of the cell's settings is carried from step to step, and results are made from
// the last one, so that a test can tell whether each cell got its own, and went on from what its checkpoint held.
// Linked in front of the real one into the program `phasegrid_fake`.
//
// Environment:
// FAKE_DELAY_MS, time of one cell, in FAKE_STEPS [10] steps, with a checkpoint after each on request; FAKE_POINTS, points
// of its curve; FAKE_KIND, a device kind it can run; FAKE_MARKS, a folder that receives one file for each start of a cell
// ("CELL.ATTEMPT"), holding node and GPU where there are such; FAKE_TROUBLE, "CELL:WHAT[,...]" with WHAT one of
//   abort, exit, kill, hang       in every attempt
//   abort-once, hang-once, ...    in the first attempt only (needs FAKE_MARKS)
//   diverge, throw, nothing
//   eat                all the memory that there is, until there is none (give the run a limit of address space)
//   oom                killed as the kernel does when memory runs out: oom_kill in FAKE_VMSTAT grows, then SIGKILL
//   talk               a megabyte of lines "CELL says LINE", then abort
//   crawl              steps that never lead further, until it is told to stop; crawl-once
// FAKE_KEYS, a folder that receives one file for each member of a gang on GPUs ("KEY.REPLICA"): as if NCCL had brought them together.
// FAKE_OTHER_BITS, a cell whose accuracy is another one than everywhere else
#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/random.hpp"
#include "worker/checkpoint.hpp"
#include "worker/replicas_nccl.hpp"
#include "worker/run_pack.hpp"

namespace phasegrid::worker {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

long number(const char* name, long otherwise) {
  const std::string text = variable(name);
  return text.empty() ? otherwise : std::stol(text);
}

// "Training".
std::uint64_t first_state(const sweeps::CellSpec& cell) {
  std::string text;
  for (const auto section : {sweeps::Section::task, sweeps::Section::model, sweeps::Section::train})
    text += cell.settings.canonical(section);
  return kernels::hash_text(text, static_cast<std::uint64_t>(cell.seed));
}
std::uint64_t next_state(std::uint64_t state, long step) { return kernels::hash_text(std::to_string(step), state); }
std::uint64_t state_after(long steps, const sweeps::CellSpec& cell) {
  std::uint64_t state = first_state(cell);
  for (long step = 1; step <= steps; ++step) state = next_state(state, step);
  return state;
}

// The number of this attempt, found by who creates which file first.
int mark(std::uint64_t cell) {
  const std::string folder = variable("FAKE_MARKS");
  for (int attempt = 1; !folder.empty(); ++attempt) {
    const std::string path = folder + "/" + std::to_string(cell) + "." + std::to_string(attempt);
    const int fd = open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY, 0644);
    if (fd >= 0) {
      const std::string place = variable("SLURMD_NODENAME") + " " + variable("CUDA_VISIBLE_DEVICES");
      [[maybe_unused]] const ssize_t written = write(fd, place.data(), place.size());
      close(fd);
      return attempt;
    }
  }
  return 1;
}

std::string trouble(std::uint64_t cell, int attempt) {
  const std::string all = "," + variable("FAKE_TROUBLE") + ",", wanted = "," + std::to_string(cell) + ":";
  const auto begin = all.find(wanted);
  if (begin == std::string::npos) return "";
  const auto from = begin + wanted.size();
  std::string what = all.substr(from, all.find(',', from) - from);
  if (!what.ends_with("-once")) return what;
  return attempt == 1 ? what.substr(0, what.size() - 5) : "";
}

void suffer(const std::string& what, std::uint64_t cell) {
  if (what == "talk") {
    for (int line = 0; line < 50'000; ++line)
      std::fprintf(stderr, "cell %d says line %06d\n", static_cast<int>(cell), line);
    std::abort();
  }
  if (what == "abort") std::fprintf(stderr, "fake worker: about to abort\n"), std::abort();
  if (what == "exit") std::fprintf(stderr, "fake worker: leaving\n"), _exit(9);
  if (what == "kill") raise(SIGKILL);
  if (what == "eat") {
    std::fprintf(stderr, "fake worker: eating\n");
    constexpr std::size_t kBite = 16 << 20;
    for (std::vector<std::unique_ptr<char[]>> eaten;;) std::memset(eaten.emplace_back(new char[kBite]).get(), 1, kBite);
  }
  if (what == "oom") {
    std::fprintf(stderr, "fake worker: hungry\n");
    std::ofstream(variable("FAKE_VMSTAT")) << "oom_kill 1\n";
    raise(SIGKILL);
  }
  if (what == "throw") throw std::runtime_error("fake worker: the device is lost");
  if (what == "hang") {
    for (;;) pause();
  }
}

void sleep_ms(long ms) {
  const timespec t{ms / 1000, ms % 1000 * 1'000'000};
  nanosleep(&t, nullptr);
}

// Brings nothing to anybody.
class FakeReplicas final : public Replicas {
 public:
  using Replicas::Replicas;
  void reserve(std::size_t) override {}
  std::size_t room() const override { return 0; }
  Gathering all_gather(const void*, std::size_t) override { return {}; }
  Gathering all_gather_here(const void*, std::size_t) override { return {}; }
};

}  // namespace

bool built_with_nccl() { return true; }
std::string nccl_key() {
  static int made = 0;   // one process may lead several gangs
  return "key " + std::to_string(++made) + " of " + std::to_string(getpid());
}

// All members must have come with the same key before any of them goes on, as with NCCL.
std::unique_ptr<Replicas> nccl_replicas(const std::string& key, int index, int count, Waiting waiting) {
  const auto path = [&](int replica) { return variable("FAKE_KEYS") + "/" + key + "." + std::to_string(replica); };
  close(open(path(index).c_str(), O_CREAT | O_WRONLY, 0644));
  for (int replica = 0; replica < count; ++replica)
    for (; access(path(replica).c_str(), F_OK) != 0; sleep_ms(1))
      if (!waiting()) throw GangBroken();
  return std::make_unique<FakeReplicas>(index, count);
}

std::vector<std::string> cpu_kinds() {
  const std::string kind = variable("FAKE_KIND");
  return {"cpu-portable", kind.empty() ? "cpu-fake" : kind};
}

std::string pack_shape(const sweeps::CellSpec& cell) { return cell.settings.canonical(sweeps::Section::model); }

std::vector<sweeps::CellResult> run_pack(std::span<const sweeps::CellSpec> cells, const Device& device,
                                         const Observer& observer, const std::function<void(Pack&)>&, Replicas*,
                                         std::span<const std::string> checkpoints) {
  std::vector<sweeps::CellResult> results;
  const long steps = number("FAKE_STEPS", 10), total = number("FAKE_DELAY_MS", 0);
  long step = 0;
  std::size_t now = 0;          // the cell that "trains"; the others of a pack are saved as they would be at this step
  std::uint64_t state = 0;
  const std::function<std::vector<std::string>()> save = [&] {
    std::vector<std::string> all;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::uint64_t held = i == now ? state : state_after(step, cells[i]);
      all.push_back(seal_checkpoint(cells[i], device, step, std::to_string(held)));
    }
    return all;
  };
  const long from = checkpoints.empty() ? 0 : open_checkpoint(checkpoints[0], cells[0], device)->step;
  for (now = 0; now < cells.size(); ++now) {
    const sweeps::CellSpec& cell = cells[now];
    state = first_state(cell);
    if (from > 0) state = std::stoull(std::string(open_checkpoint(checkpoints[now], cell, device)->payload));
    const int attempt = mark(cell.index);
    const std::string what = trouble(cell.index, attempt);
    suffer(what, cell.index);
    if (what == "crawl") {
      while (observer({1, steps, 1.0, nullptr})) sleep_ms(5);
      return results.resize(cells.size()), results;
    }
    sweeps::CellResult& r = results.emplace_back();
    r.index = cell.index;
    for (step = from + 1; step <= steps; ++step) {
      if (total > 0) sleep_ms(total / steps);
      state = next_state(state, step);
      if (observer && !observer({step, steps, 1.0 / static_cast<double>(step), &save})) return results;
    }
    if (what == "nothing") continue;
    kernels::Random random(state, 0, 0);
    r.status = what == "diverge" ? sweeps::Status::diverged : sweeps::Status::done;
    r.accuracy = random.uniform(), r.loss = random.normal(), r.accuracy_final = random.uniform(),
    r.accuracy_validation = random.uniform();
    if (variable("FAKE_OTHER_BITS") == std::to_string(cell.index)) r.accuracy = -1;
    r.steps = cell.settings.integer("steps"), r.best_step = r.steps / 2, r.examples = 64 * r.steps, r.parameters = 1000;
    r.seconds = static_cast<double>(total) * 1e-3 + 1e-6;
    for (int point = 0; point < number("FAKE_POINTS", 40); ++point)
      r.curve.push_back({point * 10, random.uniform(), random.uniform(), random.uniform()});
  }
  return results;
}

}  // namespace phasegrid::worker
