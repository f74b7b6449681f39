#include "orchestrator/verbs/bench_gpu.hpp"

#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "sweeps/error.hpp"
#include "worker/bench_pack.hpp"
#include "worker/pack_size.hpp"

namespace phasegrid::orchestrator {
namespace {

nlohmann::ordered_json to_json(const kernels::Gpu& gpu, const std::string& kind, const worker::PackBench& bench, const worker::GpuFloor& floor) {
  const double counted = bench.models * floor.seconds(gpu);
  return {{"gpu", gpu.name},
          {"device_kind", kind},
          {"models", bench.models},
          {"packs", bench.packs},
          {"steps", bench.steps},
          {"ms_per_step", bench.seconds_per_step * 1e3},
          {"ms_per_step_and_model", bench.seconds_per_step * 1e3 / bench.models},
          {"tokens_per_second", bench.tokens_per_step / bench.seconds_per_step},
          {"host_ms", bench.host_seconds * 1e3},
          {"drawn_by", bench.drawn_there ? "device" : "host"},
          {"floor_ms", counted * 1e3},
          {"floor_ratio", bench.seconds_per_step / counted},
          {"bytes", floor.bytes},
          {"gemm_flops", floor.flops},
          {"exponentials", floor.exponentials},
          {"rates", {{"flops", gpu.flop_rate}, {"exponentials", gpu.flop_rate / 16}, {"bytes", gpu.byte_rate}}}};
}

void print(const kernels::Gpu& gpu, const std::string& kind, const worker::PackBench& bench, const worker::GpuFloor& floor) {
  const double counted = bench.models * floor.seconds(gpu);
  fmt::print("{} ({}), {} models in {}\n", gpu.name, kind, bench.models,
             bench.packs > 1 ? fmt::format("{} packs in flight", bench.packs) : "a pack");
  fmt::print("measured  {:.4g} ms per step, {:.4g} ms per step and model, {:.3g} million tokens per second\n",
             bench.seconds_per_step * 1e3, bench.seconds_per_step * 1e3 / bench.models,
             bench.tokens_per_step / bench.seconds_per_step / 1e6);
  fmt::print("host      {:.4g} ms per step {}\n", bench.host_seconds * 1e3,
             bench.drawn_there ? "to launch it: the device draws and lays out the batches" : "to draw and lay out the batches, on one core");
  fmt::print(
      "counted   {:.4g} ms per step, {:.3g} times that: per model {:.4g} MB at {:.0f} GB/s, {:.4g} Mflop at {:.1f} "
      "Tflop/s, "
      "{:.4g} M exponentials at {:.2f} T/s\n",
      counted * 1e3, bench.seconds_per_step / counted, floor.bytes / 1e6, gpu.byte_rate / 1e9, floor.flops / 1e6,
      gpu.flop_rate / 1e12, floor.exponentials / 1e6, gpu.flop_rate / 16 / 1e12);
}

}  // namespace

int bench_gpu(const sweeps::CellSpec& cell, const worker::Device& device, int models, double seconds, bool score_all,
              bool json) {
  if (score_all)
    throw sweeps::SweepError("--score all: measured on the CPU only, expected --score task with --device cuda");
  const kernels::Gpu gpu = kernels::survey_gpus().gpus.front();
  const int pack = models > 0 ? models : worker::pack_size(cell, gpu);
  const worker::PackBench bench = worker::bench_pack(cell, device, pack, seconds);
  const worker::GpuFloor floor = worker::gpu_floor(cell.settings, score_all);
  if (json) std::cout << to_json(gpu, device.kind, bench, floor).dump(1) << "\n";
  else print(gpu, device.kind, bench, floor);
  return 0;
}

}  // namespace phasegrid::orchestrator
