// The GPUs of this machine, and why one cannot be used. Looking makes a context on each: for a process of its own (the
// hidden verb `gpus`) or one that owns its GPU (an executor), never for a rank.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace phasegrid::kernels {

struct Gpu {
  std::string uuid;  // "GPU-...", as CUDA_VISIBLE_DEVICES takes it
  std::string kind;  // "sm_90": its compute capability
  std::string name;
  std::int64_t bytes = 0;  // of memory
  std::int32_t multiprocessors = 0;
  double byte_rate = 0, flop_rate = 0;  // per second, by its clocks: of memory, and in float outside of tensor cores
  std::string problem;                  // why it cannot be used; empty: it can
};

struct GpuSurvey {
  std::vector<Gpu> gpus;  // that this process may see, in the driver's order
  std::string driver;     // "550.54.15, CUDA 12.4"
  std::string problem;    // why there is none; empty: there are some
};

bool built_with_cuda();
GpuSurvey survey_gpus();

}  // namespace phasegrid::kernels
