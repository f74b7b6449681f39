// The device's queue, its kind, and the table of its operations.
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

#include "kernels/device/backend.hpp"
#include "kernels/device/kinds.hpp"
#include "kernels/device/operations.hpp"
#include "kernels/device/queue.hpp"
#include "kernels/linear/cublas.hpp"
#include "kernels/operations.hpp"

namespace phasegrid::kernels {
namespace cuda {

void check(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return;
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();  // or the next launch would report it
    throw std::bad_alloc();
  }
  throw std::runtime_error("the device is lost: " + std::string(what) + ": " + cudaGetErrorString(error));
}

void* take_memory(std::size_t bytes, const char* what) {
  void* data = nullptr;
  if (Rehearsal* counted = rehearsal()) return counted->take(bytes), counted->address(bytes);
  check(cudaMalloc(&data, bytes), what);
  return data;
}
void give_memory_back(void* data, std::size_t bytes) noexcept {
  if (Rehearsal* counted = rehearsal()) counted->give_back(bytes);
  else cudaFree(data);
}

Queue::Queue() {
  ask([&] { return cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking); }, "creating a stream");
}
Queue::~Queue() {
  release_workspace();
  if (stream_) cudaStreamDestroy(stream_);
}
void* Queue::room(Room& room, std::size_t bytes) {
  if (bytes <= room.bytes) return room.data;
  release(room);
  room.data = take_memory(bytes, "room to work in");
  room.bytes = bytes;
  return room.data;
}
unsigned* Queue::tickets(std::int64_t n) {
  const std::size_t bytes = static_cast<std::size_t>(n) * sizeof(unsigned);
  const bool fresh = bytes > tickets_.bytes;
  void* tickets = room(tickets_, bytes);
  if (fresh) ask([&] { return cudaMemsetAsync(tickets, 0, bytes, stream_); }, "clearing memory");
  return static_cast<unsigned*>(tickets);
}
void Queue::release(Room& room) noexcept {  // a lost device is noticed by the next who asks it for something
  if (stream_) cudaStreamSynchronize(stream_);
  give_memory_back(room.data, room.bytes);
  room = {}, ++moves_;
}
void Queue::release_workspace() noexcept {
  for (Room* room : {&workspace_, &sums_, &tickets_}) release(*room);
}

void Queue::leave() noexcept {
  if (--users_ == 0) release_workspace();
}

namespace {
Queue* used = nullptr;
}

// Never destroyed: the driver may be gone when statics are.
Queue& queue() {
  if (used) return *used;
  if (rehearsal()) throw std::logic_error("a rehearsal without a queue of its own");
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

namespace {
std::vector<std::string> find_kinds() {
  int devices = 0;  // without a driver the call leaves it untouched
  cudaDeviceProp device;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0 || cudaGetDeviceProperties(&device, 0) != cudaSuccess)
    return {};
  return {"sm_" + std::to_string(device.major) + std::to_string(device.minor)};
}
}  // namespace

std::unique_ptr<WorkQueue> cuda_work_queue() { return std::make_unique<cuda::Queue>(); }
WorkQueue* cuda_use(WorkQueue* queue) { return std::exchange(cuda::used, static_cast<cuda::Queue*>(queue)); }

std::vector<std::string> cuda_kinds() {
  static const std::vector<std::string> kinds = find_kinds();
  return kinds;
}

const Operations<float>* cuda_table() {
  static const Operations<float> operations = cuda::table();
  return &operations;
}

namespace {
const Operations<float>* fast_table() {
  if (!built_with_cublas()) return nullptr;
  static const Operations<float> operations = [] {
    Operations<float> fast = cuda::table();
    fast.linear = *cublas_linear();
    return fast;
  }();
  return &operations;
}
}  // namespace

const Operations<float>* cuda_operations(std::string_view kind) {
  if (!kind.starts_with("sm_")) return nullptr;
  if (rehearsal()) return cuda_table();
  const auto kinds = cuda_kinds();
  if (kinds.empty() || kinds.front() != plain_kind(kind)) return nullptr;
  return is_fast(kind) ? fast_table() : cuda_table();
}

}  // namespace phasegrid::kernels
