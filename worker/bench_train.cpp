#include "worker/bench_train.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <optional>

#include "kernels/arena.hpp"
#include "kernels/parallel.hpp"
#include "worker/mixer_cost.hpp"
#include "worker/models/network.hpp"
#include "worker/row_counts.hpp"
#include "worker/schema.hpp"
#include "worker/training.hpp"

namespace phasegrid::worker {
namespace {

using Clock = std::chrono::steady_clock;
double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// One model, its data and its optimiser: the step of worker/pack.cpp without evaluations, taken apart.
class Bench {
 public:
  Bench(const sweeps::CellSpec& cell, const Device& device, bool score_all)
      : train_(train_settings(cell.settings)), data_(cell, train_), score_all_(score_all),
        operations_(kernels::operations<float>(device.kind)) {
    const tasks::Task& task = data_.task();
    const ModelSettings model = model_settings(cell.settings, task);
    const ParameterSet parameters = describe_parameters(model);
    segments_ = parameters.segments(), size_ = parameters.size();
    for (float** buffer : {&w_, &g_, &m_, &v_}) *buffer = arena_.allocate_array<float>(static_cast<std::size_t>(size_));
    parameters.initialise(w_, weights_key(cell));
    const int scored = score_all ? task.T() : task.most_scored();
    network_.emplace(model, layout_shape(model, train_.batch, task.T(), scored, task.T()), 1, device.kind, w_, g_);
  }

  void step(TrainBench* parts) {
    ++step_;
    auto start = Clock::now();
    const auto lap = [&](double TrainBench::*part) {
      if (parts) parts->*part += since(start);
      start = Clock::now();
    };
    data_.draw(step_, batch_);
    if (score_all_) tasks::score_every_position(batch_);
    lap(&TrainBench::data);
    network_->set(0, batch_);
    lap(&TrainBench::layout);
    network_->profile(parts ? &parts->operations : nullptr);
    network_->forward();
    std::memset(g_, 0, static_cast<std::size_t>(size_) * sizeof(float));
    network_->backward();
    start = Clock::now();
    operations_.update({.method = train_.method, .segments = segments_.data(), .count = static_cast<int>(segments_.size()), .w = w_, .g = g_, .m = m_, .v = v_,
                        .size = size_, .step = step_, .learning_rate = train_.rate_at(step_), .weight_decay = train_.weight_decay, .clip = train_.clip});
    lap(&TrainBench::optimiser);
  }
  double tokens() const { return static_cast<double>(batch_.tokens.size()); }

 private:
  TrainSettings train_;
  TrainingData data_;
  bool score_all_;
  const kernels::Operations<float>& operations_;
  kernels::Arena arena_;
  float *w_ = nullptr, *g_ = nullptr, *m_ = nullptr, *v_ = nullptr;
  std::vector<kernels::Segment> segments_;
  std::int64_t size_ = 0, step_ = 0;
  std::optional<Network<float>> network_;
  tasks::Batch batch_;
};

// Rounds per second of the fastest of several short runs.
double rounds_per_second(const kernels::Operations<float>& operations, kernels::Exercise exercise) {
  exercise.rounds = 1;
  double best = 0;
  for (double total = 0; total < 0.1;) {
    const auto start = Clock::now();
    operations.exercise(exercise);
    const double seconds = since(start);
    total += seconds;
    if (seconds < 1e-3) exercise.rounds *= 2;
    else best = std::max(best, exercise.rounds / seconds);
  }
  return best;
}

// A chain of additions, each waiting for the one before: one a cycle.
double cycles_per_second() {
  double best = 0;
  for (int repeat = 0; repeat < 20; ++repeat) {
    constexpr int kAdditions = 1 << 20;
    std::uint64_t x = 0;
    const auto start = Clock::now();
    for (int i = 0; i < kAdditions / 16; ++i)
      for (int j = 0; j < 16; ++j) {
        x += 1;
        asm volatile("" : "+r"(x));
      }
    best = std::max(best, kAdditions / since(start));
  }
  return best;
}

}  // namespace

Ceilings measure_ceilings(const std::string& device_kind) {
  kernels::flush_denormals();
  constexpr std::int64_t kSmall = 1 << 14, kLarge = 1 << 24;   // 64 KiB, 64 MiB
  kernels::Arena arena;
  float *a = arena.allocate_array<float>(kSmall), *b = arena.allocate_array<float>(kSmall), *c = arena.allocate_array<float>(kSmall);
  for (std::int64_t i = 0; i < kSmall; ++i) a[i] = -static_cast<float>(i % 97) / 16, b[i] = static_cast<float>(i % 89) / 64;
  float *x = arena.allocate_array<float>(kLarge), *y = arena.allocate_array<float>(kLarge);
  std::fill(x, x + kLarge, 1.0f), std::fill(y, y + kLarge, 1.0f);
  const auto& operations = kernels::operations<float>(device_kind);
  Ceilings ceilings;
  ceilings.flop_rate = 2.0 * 256 * 64 * 64 * rounds_per_second(operations, {kernels::ExerciseKind::product, a, b, c, 0, 1});
  ceilings.exp_rate = 4096 * rounds_per_second(operations, {kernels::ExerciseKind::exponential, a, b, c, 0, 1});
  ceilings.byte_rate = 12.0 * kLarge * rounds_per_second(operations, {kernels::ExerciseKind::stream, x, y, nullptr, kLarge, 1});
  ceilings.cycle_rate = cycles_per_second();
  return ceilings;
}

double Floor::seconds(const Ceilings& ceilings) const {
  constexpr double kCyclesPerVector = 5;
  return flops / ceilings.flop_rate + exponentials / ceilings.exp_rate + kCyclesPerVector * state_vectors / ceilings.cycle_rate + bytes / ceilings.byte_rate;
}

Floor floor_of(const sweeps::Settings& settings, bool score_all) {
  const RowCounts counts = count_rows(settings, score_all);
  const sweeps::Cost cost = step_cost(settings, counts);
  const double layers = settings.real("layers"), steps = (layers > 1 ? counts.first.steps + (layers - 2) * counts.inner.steps : 0) + counts.last.steps;
  Floor floor{cost.flops, cost.exponentials, steps * mixer_cost(settings).walked / 16, 0};
  const double cache = static_cast<double>(std::max(0L, sysconf(_SC_LEVEL2_CACHE_SIZE))), bytes = static_cast<double>(cost.bytes);
  if (bytes > cache) floor.bytes = 2 * bytes;
  return floor;
}

TrainBench bench_train(const sweeps::CellSpec& cell, const Device& device, double seconds, bool score_all) {
  kernels::flush_denormals();
  kernels::Pool pool(device.threads);
  const kernels::UsePool use(pool);
  Bench bench(cell, device, score_all);
  constexpr int kWarm = 5, kLeast = 10;
  for (int i = 0; i < kWarm; ++i) bench.step(nullptr);
  std::vector<double> times;
  for (const auto begin = Clock::now(); times.size() < kLeast || since(begin) < seconds;) {
    const auto start = Clock::now();
    bench.step(nullptr);
    times.push_back(since(start));
  }
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  TrainBench result;
  result.steps = static_cast<int>(times.size()), result.seconds_per_step = times[times.size() / 2], result.tokens_per_step = bench.tokens();
  int profiled = 0;
  for (const auto begin = Clock::now(); profiled < kLeast || since(begin) < seconds; ++profiled) bench.step(&result);
  for (double TrainBench::*part : {&TrainBench::data, &TrainBench::layout, &TrainBench::optimiser}) result.*part /= profiled;
  for (auto& [name, time] : result.operations) time.forward /= profiled, time.backward /= profiled;
  return result;
}

}  // namespace phasegrid::worker
