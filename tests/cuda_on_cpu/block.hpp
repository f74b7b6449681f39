// Between the runtime and the scheduler of one block's fibers.
#pragma once
#include <string>

#include "cuda_on_cpu.hpp"

namespace cuda_on_cpu {

void run(const Launch& launch);  // all blocks, now
std::string where();             // "the host", or kernel, block and thread

}  // namespace cuda_on_cpu
