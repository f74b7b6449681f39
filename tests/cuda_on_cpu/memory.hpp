// Device memory as the runtime keeps it.
#pragma once
#include <cstddef>

#include "cuda_runtime.h"

namespace cuda_on_cpu {

// Device memory can be touched between begin_access() and end_access() only: while kernels and copies run.
void begin_access();
void end_access();
void check_margins();  // the bytes beside allocations that nobody may write
void check_device_range(const char* what, const void* begin, std::size_t bytes);
void check_host_range(const char* what, const void* begin);
bool is_pinned(const void* p);
cudaError_t fail(cudaError_t error);  // what cudaGetLastError() will say
void forbid_in_capture(const char* what);

}  // namespace cuda_on_cpu
