#include "kernels/device/survey.hpp"

#include <cuda_runtime.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <thread>

namespace phasegrid::kernels {
namespace cuda {

// Is there code for this device? Asked of this kernel, never launched.
__global__ void nothing() {}

}  // namespace cuda

namespace {

constexpr auto kPatience = std::chrono::seconds(3);  // with an exclusive device: another rank may be looking at it, too
constexpr auto kPause = std::chrono::milliseconds(50);

std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

// "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue ..." -> "550.54.15"
std::string kernel_module() {
  std::ifstream file("/proc/driver/nvidia/version");
  for (std::string word; file >> word;)
    if (word.find('.') != std::string::npos && word.find_first_not_of("0123456789.") == std::string::npos) return word;
  return "";
}

std::string uuid_text(const cudaUUID_t& uuid) {
  std::string text = "GPU-";
  for (int i = 0; i < 16; ++i) {
    char byte[4];
    std::snprintf(byte, sizeof byte, "%02x", static_cast<unsigned char>(uuid.bytes[i]));
    text += byte;
    if (i == 3 || i == 5 || i == 7 || i == 9) text += '-';
  }
  return text;
}

// A context shows whether the device lets us in. An exclusive one may be held by somebody who only looks.
cudaError_t enter(int device, bool exclusive) {
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    cudaError_t error = cudaSetDevice(device);
    if (error == cudaSuccess) error = cudaFree(nullptr);
    if (error != cudaErrorDevicesUnavailable || !exclusive || std::chrono::steady_clock::now() > until) return error;
    cudaGetLastError();
    std::this_thread::sleep_for(kPause);
  }
}

std::string problem_of(int device, const Gpu& gpu) {
  int mode = cudaComputeModeDefault;
  cudaDeviceGetAttribute(&mode, cudaDevAttrComputeMode, device);
  if (mode == cudaComputeModeProhibited)
    return "is in compute mode \"prohibited\": nvidia-smi -c DEFAULT allows its use";
  const bool exclusive = mode != cudaComputeModeDefault;
  const cudaError_t entered = enter(device, exclusive);
  if (entered == cudaErrorDevicesUnavailable)
    return exclusive ? "is in exclusive mode and another process has it" : "is busy or not available to this process";
  if (entered != cudaSuccess) return std::string("cannot be used: ") + cudaGetErrorString(entered);
  cudaFuncAttributes attributes;
  if (cudaFuncGetAttributes(&attributes, reinterpret_cast<const void*>(&cuda::nothing)) == cudaSuccess) return "";
  return "is of kind " + gpu.kind +
         ", for which this phasegrid was not compiled: -DPHASEGRID_CUDA_ARCHITECTURES=" + gpu.kind.substr(3);
}

Gpu look_at(int device) {
  Gpu gpu;
  cudaDeviceProp facts;
  const cudaError_t error = cudaGetDeviceProperties(&facts, device);
  if (error != cudaSuccess) {
    gpu.problem = std::string("does not answer: ") + cudaGetErrorString(error);
    return gpu;
  }
  gpu.uuid = uuid_text(facts.uuid), gpu.name = facts.name;
  gpu.kind = "sm_" + std::to_string(facts.major) + std::to_string(facts.minor);
  gpu.bytes = static_cast<std::int64_t>(facts.totalGlobalMem), gpu.multiprocessors = facts.multiProcessorCount;
  const auto ask = [device](cudaDeviceAttr what) {
    int value = 0;
    return cudaDeviceGetAttribute(&value, what, device) == cudaSuccess ? static_cast<double>(value) : 0.0;
  };
  const double lanes = gpu.kind == "sm_80" ? 64 : 128;  // of a multiprocessor; clocks are in kHz, the bus in bits
  gpu.flop_rate = 2e3 * lanes * gpu.multiprocessors * ask(cudaDevAttrClockRate);
  gpu.byte_rate = 2e3 * ask(cudaDevAttrMemoryClockRate) * ask(cudaDevAttrGlobalMemoryBusWidth) / 8;
  gpu.problem = problem_of(device, gpu);
  return gpu;
}

std::string why_none(cudaError_t error, int runs, int built) {
  if (runs == 0) return "no NVIDIA driver on this machine";
  if (error == cudaErrorInsufficientDriver)
    return "the NVIDIA driver is too old: it runs CUDA up to " + version_text(runs) +
           ", this phasegrid was built with CUDA " + version_text(built);
  if (error != cudaSuccess && error != cudaErrorNoDevice)
    return std::string("the NVIDIA driver says: ") + cudaGetErrorString(error);
  const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
  return "no GPU" + (visible ? " among CUDA_VISIBLE_DEVICES=" + std::string(visible) : " on this machine");
}

}  // namespace

bool built_with_cuda() { return true; }

GpuSurvey survey_gpus() {
  GpuSurvey survey;
  int built = 0, runs = 0, count = 0;  // without a driver the calls leave them untouched
  cudaRuntimeGetVersion(&built), cudaDriverGetVersion(&runs);
  const cudaError_t error = cudaGetDeviceCount(&count);
  cudaGetLastError();
  if (runs > 0) survey.driver = kernel_module();
  if (runs > 0) survey.driver += (survey.driver.empty() ? "CUDA " : ", CUDA ") + version_text(runs);
  if (error != cudaSuccess || count == 0) {
    survey.problem = why_none(error, runs, built);
    return survey;
  }
  for (int device = 0; device < count; ++device) survey.gpus.push_back(look_at(device));
  cudaGetLastError();
  cudaSetDevice(0);
  return survey;
}

}  // namespace phasegrid::kernels
