// Measures this machine: how fast a cell trains.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <iostream>
#include <memory>

#include "orchestrator/binding.hpp"
#include "orchestrator/local_device.hpp"
#include "orchestrator/verbs/bench_gpu.hpp"
#include "orchestrator/verbs/verbs.hpp"
#include "sweeps/error.hpp"
#include "sweeps/grid.hpp"
#include "worker/bench_pack.hpp"
#include "worker/bench_train.hpp"
#include "worker/models/registry.hpp"
#include "worker/schema.hpp"

namespace phasegrid::orchestrator {
namespace {

struct Arguments {
  std::string variant = "mamba", filler = "zero", norm = "none", score = "task", device = "cpu", kind = "auto";
  int d = 64, N = 16, T = 64, batch = 64, vocab = 256, pairs = 0, expand = 2, conv = 4, layers = 1, models = 0, in_flight = 2, threads = 1;
  double seconds = 2;
  bool json = false, fast_gemm = false;
};

sweeps::CellSpec cell_of(const Arguments& a) {
  const auto& keys = worker::find_variant(a.variant);
  if (!keys) throw sweeps::SweepError(fmt::format("--variant {}: there is no such variant", a.variant));
  const bool states = std::ranges::count(keys->keys, "N") > 0;
  const std::string text = fmt::format(
      "[sweep]\nname = \"bench\"\n[task]\nname = \"mqar\"\nvocab = {}\npairs = {}\nT = {}\nfiller = \"{}\"\n"
      "[model]\nvariant = \"{}\"\nd = {}\n{}expand = {}\nconv = {}\nlayers = {}\nnorm = \"{}\"\nresidual = {}\n"
      "[train]\nbatch = {}\nschedule = \"constant\"\nlearning_rate = 1e-3\nsteps = 100000000\n[eval]\nevery = 100000000\n",
      a.vocab, a.pairs > 0 ? a.pairs : std::max(1, a.T / 16), a.T, a.filler, a.variant, a.d, states ? fmt::format("N = {}\n", a.N) : "", a.expand, a.conv,
      a.layers, a.norm, a.layers > 1, a.batch);
  return sweeps::Grid::parse(text, "bench train", worker::make_schema()).cell(0);
}

using Rows = std::vector<std::pair<std::string, worker::OperationSeconds>>;

// Longest first.
Rows by_time(const worker::TrainBench& bench) {
  Rows rows(bench.operations.begin(), bench.operations.end());
  std::ranges::sort(rows, std::greater(), [](const auto& row) { return row.second.forward + row.second.backward; });
  return rows;
}

nlohmann::ordered_json to_json(const Arguments& a, const std::string& kind, const worker::TrainBench& bench, const worker::Ceilings& ceilings, const worker::Floor& floor,
                               const worker::GpuFloor& gpu) {
  nlohmann::ordered_json json{{"variant", a.variant}, {"d", a.d}, {"N", a.N}, {"T", a.T}, {"batch", a.batch}, {"device_kind", kind}, {"threads", a.threads}, {"steps", bench.steps},
                              {"tokens_per_second", bench.tokens_per_step / bench.seconds_per_step},
                              {"ms_per_step", bench.seconds_per_step * 1e3},
                              {"floor_ms", floor.seconds(ceilings) * 1e3},
                              {"floor_ratio", bench.seconds_per_step / floor.seconds(ceilings)},
                              {"gemm_flops", floor.flops},
                              {"exponentials", floor.exponentials},
                              {"state_vectors", floor.state_vectors},
                              {"bytes", floor.bytes},
                              {"bytes_of_tables", gpu.bytes}};
  json["rates"] = {{"flops", ceilings.flop_rate}, {"exponentials", ceilings.exp_rate}, {"bytes", ceilings.byte_rate}, {"cycles", ceilings.cycle_rate}};
  json["ms"] = {{"data", bench.data * 1e3}, {"layout", bench.layout * 1e3}, {"optimiser", bench.optimiser * 1e3}};
  for (const auto& [name, time] : by_time(bench)) json["ms"][name] = {{"forward", time.forward * 1e3}, {"backward", time.backward * 1e3}};
  return json;
}

void print(const std::string& kind, int threads, const worker::TrainBench& bench, const worker::Ceilings& ceilings, const worker::Floor& floor) {
  fmt::print("{:.4g} ms per step (median of {}), {:.3g} million tokens per second, {}, {}\n", bench.seconds_per_step * 1e3, bench.steps,
             bench.tokens_per_step / bench.seconds_per_step / 1e6, kind, fmt::format("{} thread{}", threads, threads == 1 ? "" : "s"));
  fmt::print("floor {:.4g} ms, {:.2f} times that:\n", floor.seconds(ceilings) * 1e3, bench.seconds_per_step / floor.seconds(ceilings));
  fmt::print("  {:.4g} Mflop at {:.0f} Gflop/s, {:.4g} M exponentials at {:.2f} G/s, {:.4g} M state vectors at 5 cycles of {:.2f} GHz, {:.3g} MB at {:.1f} GB/s\n\n", floor.flops / 1e6,
             ceilings.flop_rate / 1e9, floor.exponentials / 1e6, ceilings.exp_rate / 1e9, floor.state_vectors / 1e6, ceilings.cycle_rate / 1e9, floor.bytes / 1e6, ceilings.byte_rate / 1e9);
  fmt::print("{:<16} {:>10} {:>10}   ms per step\n", "operation", "forward", "backward");
  for (const auto& [name, time] : by_time(bench)) fmt::print("{:<16} {:>10.4f} {:>10.4f}\n", name, time.forward * 1e3, time.backward * 1e3);
  for (const auto& [name, seconds] : {std::pair{"data", bench.data}, {"layout", bench.layout}, {"optimiser", bench.optimiser}}) fmt::print("{:<16} {:>10.4f}\n", name, seconds * 1e3);
}

int bench_train(const Arguments& a) {
  const sweeps::CellSpec cell = cell_of(a);
  const bool score_all = a.score == "all";
  if (a.fast_gemm) require_cublas();
  const std::string plain = local_kind(a.device, a.kind, cell.settings), kind = a.fast_gemm ? with_fast_gemm(plain) : plain;
  if (is_gpu_kind(kind)) return bench_gpu(cell, {kind, 1, a.in_flight}, a.models, a.seconds, score_all, a.json);
  const worker::Ceilings ceilings = worker::measure_ceilings(kind);
  const worker::TrainBench bench = worker::bench_train(cell, {kind, a.threads}, a.seconds, score_all);
  const worker::Floor floor = worker::floor_of(cell.settings, score_all);
  if (a.json) std::cout << to_json(a, kind, bench, ceilings, floor, worker::gpu_floor(cell.settings, score_all)).dump(1) << "\n";
  else print(kind, a.threads, bench, ceilings, floor);
  return 0;
}

}  // namespace

void add_bench(CLI::App& app, int& code) {
  CLI::App* bench = app.add_subcommand("bench", "Measure this machine")->require_subcommand(1);
  auto args = std::make_shared<Arguments>();
  CLI::App* verb = bench->add_subcommand("train", "Train one MQAR cell for a while: time per step, by operation, and the distance from the machine's floor");
  verb->add_option("--variant", args->variant, "The mixer")->capture_default_str();
  verb->add_option("--d", args->d, "Embedding width")->capture_default_str();
  verb->add_option("--N", args->N, "State size")->capture_default_str();
  verb->add_option("--T", args->T, "Sequence length")->capture_default_str();
  verb->add_option("--batch", args->batch, "Sequences per step")->capture_default_str();
  verb->add_option("--vocab", args->vocab, "Tokens")->capture_default_str();
  verb->add_option("--pairs", args->pairs, "Pairs of key and value in a sequence [T/16]");
  verb->add_option("--filler", args->filler, "What fills the rest")->check(CLI::IsMember({"zero", "random"}))->capture_default_str();
  verb->add_option("--expand", args->expand, "Inner width over embedding width")->capture_default_str();
  verb->add_option("--conv", args->conv, "Taps of the convolution")->capture_default_str();
  verb->add_option("--layers", args->layers, "Blocks; with more than one, residual connections")->capture_default_str();
  verb->add_option("--norm", args->norm, "In front of every block")->check(CLI::IsMember({"none", "rms", "layer"}))->capture_default_str();
  verb->add_option("--score", args->score, "Positions that are scored: the task's queries, or all")->check(CLI::IsMember({"task", "all"}))->capture_default_str();
  verb->add_option("--device", args->device, "cuda: a pack of models on a GPU, beside what is counted for it")->check(CLI::IsMember({"cpu", "cuda"}))->capture_default_str();
  verb->add_option("--threads", args->threads, "Of the CPU, that train the cell together; the floor is one thread's")
      ->check(CLI::Range(1, worker::kMostThreads))
      ->capture_default_str();
  verb->add_option("--models", args->models, "Of a pack on a GPU [as many as --pack auto of `run` would take]")->check(CLI::Range(1, 65536));
  verb->add_flag("--fast-gemm", args->fast_gemm, "On a GPU: linear layers by cuBLAS in TF32");
  verb->add_option("--in-flight", args->in_flight, "Packs on a GPU that the models are dealt to")->check(CLI::Range(1, 2))->capture_default_str();
  verb->add_option("--device-kind", args->kind, "cpu-portable, cpu-avx2, cpu-avx512; auto: the best of this machine")->capture_default_str();
  verb->add_option("--seconds", args->seconds, "To train, twice: with and without a clock around every operation")->capture_default_str();
  verb->add_flag("--json", args->json, "Print one JSON object");
  verb->callback([args, &code] { code = bench_train(*args); });
  add_bench_dispatch(*bench, code);
}

}  // namespace phasegrid::orchestrator
