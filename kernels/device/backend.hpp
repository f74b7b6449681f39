// The CUDA backend as the rest of the program sees it. Without the toolkit (none.cpp) there is none.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/memory.hpp"

namespace phasegrid::kernels {

template <class Real>
struct Operations;

std::vector<std::string> cuda_kinds();  // "sm_90": of the device that this process uses; empty: no device
const Operations<float>* cuda_operations(std::string_view device_kind);  // null for other kinds
const Operations<float>* cuda_table();   // what the backend can do, whether or not there is a device; null: no backend
std::unique_ptr<Memory> cuda_memory(int models);
std::unique_ptr<WorkQueue> cuda_work_queue();
WorkQueue* cuda_use(WorkQueue* queue);  // returns the one before; null: that of the whole process

}  // namespace phasegrid::kernels
