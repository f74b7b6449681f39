#include "orchestrator/local_device.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "kernels/device/kinds.hpp"
#include "orchestrator/binding.hpp"
#include "orchestrator/gpus.hpp"
#include "sweeps/error.hpp"
#include "worker/gpu_support.hpp"
#include "worker/run_pack.hpp"

namespace phasegrid::orchestrator {
namespace {

// The kind of the GPU that CUDA would take here, or why it cannot be used for this cell.
std::string gpu_kind(const sweeps::Settings& settings, std::string& why) {
  const kernels::GpuSurvey survey = kernels::survey_gpus();
  why = trouble(survey);
  if (why.empty() && !survey.gpus.front().problem.empty())
    why = survey.gpus.front().uuid + " " + survey.gpus.front().problem;
  if (!why.empty()) return "";
  if (settings.integer("replicas") > 1) {
    why = "replicas = " + std::to_string(settings.integer("replicas")) +
          " needs as many GPUs, which `phasegrid run` brings together";
    return "";
  }
  const std::string lacking = worker::lacking_on_gpu(settings);
  if (lacking.empty()) return survey.gpus.front().kind;
  why = "variant " + settings.word("variant") + " (operation " + lacking + ") runs on the CPU only";
  return "";
}

}  // namespace

std::string local_kind(const std::string& device, const std::string& kind, const sweeps::Settings& settings) {
  std::vector<std::string> kinds;
  if (device != "cuda") kinds = worker::cpu_kinds();
  if (device != "cpu" && (device == "cuda" || kind == "auto" || is_gpu_kind(kind))) {
    std::string why;
    const std::string gpu = gpu_kind(settings, why);
    if (!gpu.empty()) kinds.push_back(gpu);
    else if (device == "cuda") throw sweeps::SweepError("--device cuda: " + why);
  }
  if (kind == "auto") return kinds.back();
  if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end())
    throw sweeps::SweepError("--device-kind " + kind + ": this machine runs " +
                             fmt::format("{}", fmt::join(kinds, ", ")));
  return kind;
}

void require_cublas() {
  if (!kernels::built_with_cublas())
    throw sweeps::SweepError("--fast-gemm: this phasegrid was built without cuBLAS, which comes with the CUDA toolkit (cmake -DPHASEGRID_CUDA=ON)");
}

std::string with_fast_gemm(const std::string& kind) {
  require_cublas();
  if (!is_gpu_kind(kind)) throw sweeps::SweepError("--fast-gemm: cuBLAS needs a GPU, and this would train on " + kind);
  return kernels::fast_kind(kind);
}

}  // namespace phasegrid::orchestrator
