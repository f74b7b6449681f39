// The driver and the devices of the machine that the environment describes. Devices differ in their UUID only;
// CUDA_VISIBLE_DEVICES chooses among them, by UUID or by number, as the real one does.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <string>
#include <vector>

#include "cuda_on_cpu.hpp"

namespace cuda_on_cpu {
namespace {

bool state(const char* name) {
  const char* planted = std::getenv("CUDA_ON_CPU_STATE");
  return planted && std::strcmp(planted, name) == 0;
}

// The last digits of device i's UUID count from 0.
std::string uuid_of(int device) {
  char text[48];
  std::snprintf(text, sizeof text, "GPU-c0de0000-0000-0000-0000-%012x", static_cast<unsigned>(device));
  return text;
}

std::vector<int> devices() {
  const char *number = std::getenv("CUDA_ON_CPU_DEVICES"), *visible = std::getenv("CUDA_VISIBLE_DEVICES");
  const int count = number ? std::atoi(number) : 1;
  std::vector<int> chosen;
  if (!visible) {
    for (int i = 0; i < count; ++i) chosen.push_back(i);
    return chosen;
  }
  std::istringstream list(visible);
  for (std::string name; std::getline(list, name, ',');) {
    int found = -1;
    for (int i = 0; i < count; ++i)
      if (name == uuid_of(i) || name == std::to_string(i)) found = i;
    if (found < 0) break;  // the real one ends at the first that it does not know
    chosen.push_back(found);
  }
  return chosen;
}

}  // namespace

std::size_t planted_limit() {
  const char* bytes = std::getenv("CUDA_ON_CPU_MEMORY");
  return bytes ? std::strtoull(bytes, nullptr, 10) : std::size_t{1} << 32;
}

}  // namespace cuda_on_cpu

using namespace cuda_on_cpu;

const char* cudaGetErrorString(cudaError_t e) {
  switch (e) {
    case cudaSuccess:
      return "no error";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorDevicesUnavailable:
      return "CUDA-capable device(s) is/are busy or unavailable";
    default:
      return "an error";
  }
}
cudaError_t cudaDriverGetVersion(int* version) {
  *version = state("no_driver") ? 0 : state("old_driver") ? 11040 : 13000;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceCount(int* n) {
  if (state("no_driver") || state("old_driver")) return cudaErrorInsufficientDriver;  // n stays untouched
  *n = static_cast<int>(devices().size());
  return *n > 0 ? cudaSuccess : cudaErrorNoDevice;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* p, int device) {
  const std::vector<int> all = devices();
  if (device < 0 || device >= static_cast<int>(all.size())) return cudaErrorInvalidValue;
  *p = {};
  std::strcpy(p->name, "CUDA on the CPU, for tests");
  p->uuid.bytes[0] = static_cast<char>(0xc0), p->uuid.bytes[1] = static_cast<char>(0xde);
  p->uuid.bytes[15] = static_cast<char>(all[static_cast<std::size_t>(device)]);
  p->multiProcessorCount = 4, p->totalGlobalMem = memory_limit;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  if (device < 0 || device >= static_cast<int>(devices().size())) return cudaErrorInvalidValue;
  return state("busy") || state("prohibited") ? cudaErrorDevicesUnavailable : cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr what, int) {
  if (what == cudaDevAttrClockRate || what == cudaDevAttrMemoryClockRate) *value = 1'000'000;  // kHz
  else if (what == cudaDevAttrGlobalMemoryBusWidth) *value = 512;
  else
    *value = state("busy")         ? cudaComputeModeExclusiveProcess
             : state("prohibited") ? cudaComputeModeProhibited
                                   : cudaComputeModeDefault;
  return cudaSuccess;
}
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void*) {
  *attributes = {};
  return state("not_compiled") ? cudaErrorNoKernelImageForDevice : cudaSuccess;
}
