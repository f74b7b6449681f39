// The program without CUDA.
#include "kernels/device/backend.hpp"

namespace phasegrid::kernels {

std::vector<std::string> cuda_kinds() { return {}; }
const Operations<float>* cuda_operations(std::string_view) { return nullptr; }
std::unique_ptr<Memory> cuda_memory(int) { return nullptr; }

}  // namespace phasegrid::kernels
