// The device's queue, its kind, and the table of its operations.
#include <memory>
#include <new>
#include <stdexcept>
#include <string>

#include "kernels/device/backend.hpp"
#include "kernels/device/operations.hpp"
#include "kernels/device/queue.hpp"
#include "kernels/operations.hpp"

namespace phasegrid::kernels {
namespace cuda {

void check(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return;
  if (error == cudaErrorMemoryAllocation) throw std::bad_alloc();
  throw std::runtime_error("the device is lost: " + std::string(what) + ": " + cudaGetErrorString(error));
}

Queue::Queue() { check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "creating a stream"); }
Queue::~Queue() {
  cudaFree(workspace_);
  cudaStreamDestroy(stream_);
}
void* Queue::workspace(std::size_t bytes) {
  if (bytes <= bytes_) return workspace_;
  check(cudaStreamSynchronize(stream_), "waiting for the queue");
  check(cudaFree(workspace_), "freeing the workspace");
  workspace_ = nullptr, bytes_ = 0;
  check(cudaMalloc(&workspace_, bytes), "the workspace");
  bytes_ = bytes;
  return workspace_;
}

// Never destroyed: the driver may be gone when statics are.
Queue& queue() {
  static Queue& queue = *std::make_unique<Queue>().release();
  return queue;
}

void update(const Update<float>& update);
void replica_sum(const ReplicaSum<float>& op);

namespace {
constexpr Operations<float> table() {
  Operations<float> t{};
#define PHASEGRID_FILL(name, Name) \
  t.name = {static_cast<void (*)(const Name<float>&)>(&forward), static_cast<void (*)(const Name<float>&)>(&backward)};
  PHASEGRID_CUDA_OPERATIONS(PHASEGRID_FILL)
  t.update = &update, t.replica_sum = &replica_sum;
  return t;
}
}  // namespace

}  // namespace cuda

std::vector<std::string> cuda_kinds() {
  int devices = 0;  // without a driver the call leaves it untouched
  cudaDeviceProp device;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0 || cudaGetDeviceProperties(&device, 0) != cudaSuccess)
    return {};
  return {"sm_" + std::to_string(device.major) + std::to_string(device.minor)};
}

const Operations<float>* cuda_operations(std::string_view kind) {
  static const Operations<float> operations = cuda::table();
  if (!kind.starts_with("sm_")) return nullptr;
  const auto kinds = cuda_kinds();
  return !kinds.empty() && kinds.front() == kind ? &operations : nullptr;
}

}  // namespace phasegrid::kernels
