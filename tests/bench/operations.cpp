// Every operation by itself, forwards and backwards, on the rows of a real batch: the cases of docs/performance.md, and one more for each
// operation that they do not need. Names are CPU kind/case/operation number and name/direction. Run by hand:
//
//   ninja -C build operations_bench && build/tests/bench/operations_bench --benchmark_filter=avx512/mamba_64_16_64
//
// items_per_second are rows that the operation reads per second; FLOP/s are of operations that are products of a table and weights.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "kernels/arena.hpp"
#include "kernels/operations.hpp"
#include "sweeps/grid.hpp"
#include "worker/models/network.hpp"
#include "worker/schema.hpp"
#include "worker/training.hpp"

namespace phasegrid::worker {
namespace {

// Batch 64, |V| 256, expand 2, conv 4, T/16 pairs, as in docs/performance.md, unless `model` and `task` say otherwise.
struct Case {
  std::string variant;
  int d, N, T;
  std::string model = {}, task = {}, note = {};

  std::string name() const {
    return variant + "_" + std::to_string(d) + "_" + std::to_string(N) + "_" + std::to_string(T) + note;
  }
  std::string text() const {
    const std::string states = variant == "attention" ? "" : "N = " + std::to_string(N) + "\n";
    const std::string mqar = "name = \"mqar\"\nvocab = 256\npairs = " + std::to_string(std::max(1, T / 16)) + "\n";
    return "[sweep]\nname = \"bench\"\n[task]\n" + (task.empty() ? mqar : task) + "T = " + std::to_string(T) + "\n[model]\nvariant = \"" + variant +
           "\"\nd = " + std::to_string(d) + "\n" + states + "expand = 2\nconv = 4\n" + model + "[train]\nbatch = 64\nsteps = 10\n[eval]\nevery = 10\n";
  }
};

const std::string kTwoLayers = "layers = 2\nresidual = true\nnorm = \"rms\"\n";   // later layers read every position

std::vector<Case> cases() {
  std::vector<Case> all{{"mamba", 16, 4, 64}, {"mamba", 64, 16, 64}, {"mamba", 64, 64, 64}, {"mamba", 128, 16, 256}, {"mamba", 256, 16, 64}};
  for (const char* variant : {"mamba2", "mamba_s4d"}) all.push_back({variant, 64, 16, 64}), all.push_back({variant, 128, 16, 256});
  for (const char* variant : {"b2s6", "s4", "attention"}) all.push_back({variant, 64, 16, 64});
  all.push_back({"mamba", 64, 16, 64, kTwoLayers, "", "_two_layers"});
  all.push_back({"mamba_s4d", 64, 4, 256, kTwoLayers, "", "_two_layers"});         // the recurrence of S4D
  all.push_back({"mamba_delta_t", 64, 16, 64});
  all.push_back({"mamba_delta_t", 64, 16, 64, "token_dynamics = \"convergent\"\nreorder = \"softsort\"\n", "", "_sorted"});   // triangle, softsort
  all.push_back({"mamba", 64, 16, 64, "", "name = \"keep_nth\"\n", "_numbers"});   // input, squared_error
  return all;
}

// One network with its weights and one batch.
class Bench {
 public:
  Bench(const Case& which, const std::string& kind) {
    const sweeps::CellSpec cell = sweeps::Grid::parse(which.text(), which.name(), make_schema()).cell(0);
    const TrainSettings train = train_settings(cell.settings);
    TrainingData data(cell, train);
    const tasks::Task& task = data.task();
    const ModelSettings model = model_settings(cell.settings, task);
    const ParameterSet parameters = describe_parameters(model);
    float* values = arena_.allocate_array<float>(static_cast<std::size_t>(parameters.size()));
    float* grads = arena_.allocate_array<float>(static_cast<std::size_t>(parameters.size()));
    parameters.initialise(values, weights_key(cell));
    network_ = std::make_unique<Network<float>>(model, layout_shape(model, train.batch, task.T(), task.most_scored(), task.T()), 1, kind, values, grads);
    data.draw(1, batch_);
    network_->set(0, batch_);
  }
  void once() { network_->forward(), network_->backward(); }
  std::vector<Tape<float>::Recorded> recorded() { return network_->recorded(); }

 private:
  kernels::Arena arena_;
  tasks::Batch batch_;
  std::unique_ptr<Network<float>> network_;
};

// The network of the benchmark that runs, kept for the next one.
Bench& bench_of(const Case& which, const std::string& kind) {
  static std::string name;
  static std::unique_ptr<Bench> bench;
  const std::string wanted = kind + which.name();
  if (name != wanted) bench.reset(), bench = std::make_unique<Bench>(which, kind), bench->once(), name = wanted;
  return *bench;
}

void measure(benchmark::State& state, const Case& which, const std::string& kind, std::size_t number, bool back) {
  const auto operation = bench_of(which, kind).recorded()[number];
  for (auto _ : state) back ? operation.backward() : operation.forward();
  state.SetItemsProcessed(state.iterations() * operation.rows);
  const double flops = (back ? 2 : 1) * operation.flops * static_cast<double>(state.iterations());
  if (flops > 0) state.counters["FLOP/s"] = benchmark::Counter(flops, benchmark::Counter::kIsRate);
}

void add(const Case& which, const std::string& kind) {
  const auto operations = Bench(which, kind).recorded();
  for (std::size_t i = 0; i < operations.size(); ++i)
    for (const bool back : {false, true}) {
      const std::string name = kind.substr(kind.find('-') + 1) + "/" + which.name() + "/" + std::to_string(i) + "_" + std::string(operations[i].name) +
                               (back ? "/backward" : "/forward");
      benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) { measure(state, which, kind, i, back); });
    }
}

}  // namespace
}  // namespace phasegrid::worker

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  phasegrid::kernels::flush_denormals();
  for (const auto& kind : phasegrid::kernels::cpu_kinds())
    for (const auto& which : phasegrid::worker::cases()) phasegrid::worker::add(which, std::string(kind));
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
