// The program without CUDA.
#include "kernels/device/backend.hpp"
#include "kernels/device/survey.hpp"

namespace phasegrid::kernels {

std::vector<std::string> cuda_kinds() { return {}; }
const Operations<float>* cuda_operations(std::string_view) { return nullptr; }
const Operations<float>* cuda_table() { return nullptr; }
bool built_with_cuda() { return false; }
GpuSurvey survey_gpus() {
  GpuSurvey none;
  none.problem = "this phasegrid was built without CUDA (cmake -DPHASEGRID_CUDA=ON)";
  return none;
}
std::unique_ptr<Memory> cuda_memory(int) { return nullptr; }
std::unique_ptr<WorkQueue> cuda_work_queue() { return nullptr; }
WorkQueue* cuda_use(WorkQueue*) { return nullptr; }

}  // namespace phasegrid::kernels
