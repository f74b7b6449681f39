// Trains one cell in this process: the same bits as inside a sweep.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <iostream>
#include <memory>

#include "orchestrator/data_files.hpp"
#include "orchestrator/local_device.hpp"
#include "orchestrator/output_file.hpp"
#include "orchestrator/tally.hpp"
#include "orchestrator/verbs/verbs.hpp"
#include "results/weights_file.hpp"
#include "sweeps/grid.hpp"
#include "worker/schema.hpp"
#include "worker/train_cell.hpp"

namespace phasegrid::orchestrator {
namespace {

struct Arguments {
  std::string sweep, cell, weights, device = "auto", kind = "auto";
  int threads = 1;
  bool curve = false, json = false, fast_gemm = false;
};

nlohmann::ordered_json to_json(const sweeps::CellResult& r, const std::string& label, bool regression, bool curve) {
  nlohmann::ordered_json json{{"cell", r.index},
                              {"label", label},
                              {"status", to_text(r.status)},
                              {"reason", r.reason},
                              {"accuracy", r.accuracy},
                              {"loss", r.loss},
                              {"accuracy_final", r.accuracy_final},
                              {"accuracy_validation", r.accuracy_validation},
                              {"best_step", r.best_step},
                              {"steps", r.steps},
                              {"examples", r.examples},
                              {"parameters", r.parameters},
                              {"seconds", r.seconds}};
  if (!r.accuracy_T.empty()) json["accuracy_T"] = r.accuracy_T, json["loss_T"] = r.loss_T;
  if (regression) json["r2"] = r.accuracy;
  if (!curve) return json;
  for (const auto& point : r.curve) {
    json["curve"].push_back({{"step", point.step}, {"accuracy", point.accuracy}, {"loss", point.loss}, {"train_loss", point.train_loss}});
  }
  return json;
}

void print(const sweeps::CellResult& r, const std::string& label, bool regression, bool curve) {
  const char* score = regression ? "r2" : "accuracy";
  if (curve) {
    fmt::print("{:>10} {:>10} {:>12} {:>12}\n", "step", score, "loss", "train_loss");
    for (const auto& p : r.curve) fmt::print("{:>10} {:>10.4f} {:>12.6g} {:>12.6g}\n", p.step, p.accuracy, p.loss, p.train_loss);
  }
  fmt::print("cell {}  {}\n", r.index, label);
  fmt::print("{}{}\n", to_text(r.status), r.reason.empty() ? "" : ": " + r.reason);
  fmt::print("{0} {1:.6f}  loss {2:.6g}  (test set, weights of step {3}; {0} of the last weights {4:.6f})\n", score, r.accuracy, r.loss, r.best_step, r.accuracy_final);
  fmt::print("{} steps, {} sequences, {} parameters, {}\n", r.steps, r.examples, r.parameters, duration(r.seconds));
}

int cell(const Arguments& args) {
  if (!args.weights.empty()) check_output("--weights", args.weights, {args.sweep});
  const auto grid = read_sweep(args.sweep);
  const std::uint64_t index = grid.find(args.cell);
  if (const auto reason = grid.infeasible(index)) {
    throw sweeps::SweepError(args.sweep + ": cell " + std::to_string(index) + " (" + grid.label(index) + ") cannot exist: " + *reason);
  }
  const sweeps::CellSpec spec = grid.cell(index);
  if (args.fast_gemm) require_cublas();
  const std::string kind = local_kind(args.device, args.kind, spec.settings);
  const worker::Device device{args.fast_gemm ? with_fast_gemm(kind) : kind, args.threads};
  const worker::Trained trained = worker::train_cell(spec, device);
  const sweeps::CellResult& result = trained.result;
  if (!args.weights.empty() && result.status == sweeps::Status::done) results::write_weights(args.weights, {trained.model, trained.weights});
  const bool regression = worker::task_facts(spec.settings).outputs > 0;
  if (args.json) std::cout << to_json(result, grid.label(index), regression, args.curve).dump(1) << "\n";
  else print(result, grid.label(index), regression, args.curve);
  return counts_as_failed(result.status) ? 3 : 0;
}

}  // namespace

void add_cell(CLI::App& app, int& code) {
  auto args = std::make_shared<Arguments>();
  CLI::App* verb = app.add_subcommand("cell", "Train one cell of a sweep here and now: the same bits as inside a sweep");
  verb->add_option("sweep", args->sweep, "The sweep file (TOML)")->required();
  verb->add_option("cell", args->cell, "An index, or every axis that varies: variant=mamba,d=13,seed=7")->required();
  verb->add_option("--device", args->device, "What to train on")->check(CLI::IsMember({"auto", "cpu", "cuda"}))->capture_default_str();
  verb->add_option("--device-kind", args->kind, "cpu-portable, cpu-avx2, cpu-avx512, sm_90 and its like; auto: the best of this machine")->capture_default_str();
  verb->add_flag("--fast-gemm", args->fast_gemm, "On a GPU: linear layers by cuBLAS in TF32, other bits than without");
  verb->add_option("--threads", args->threads, "Of the CPU, that train the cell together; the same bits whatever their number")
      ->check(CLI::Range(1, worker::kMostThreads))
      ->capture_default_str();
  verb->add_option("--weights", args->weights, "Write the trained weights there (HDF5, docs/weights.md)");
  verb->add_flag("--curve", args->curve, "Print the learning curve as well");
  verb->add_flag("--json", args->json, "Print one JSON object");
  verb->callback([args, &code] { code = cell(*args); });
}

}  // namespace phasegrid::orchestrator
