// How operations reach the GPU: the queue they work in, and the one launch wrapper.
//
// A queue, one of kernels/memory.hpp, is a stream and room to work in: memory that an operation uses while it runs and
// nobody reads afterwards. Operations of one queue run one after the other, so they share it; it grows to the most that
// any of them asks for, in the first step.
#pragma once
#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

#include "kernels/device/rehearsal.hpp"
#include "kernels/memory.hpp"

namespace phasegrid::kernels::cuda {

// Throws std::bad_alloc for memory, std::runtime_error ("the device is lost") for anything else.
void check(cudaError_t error, const char* what);

// A call of the runtime; in a rehearsal it is left out.
template <class Call>
void ask(Call&& call, const char* what) {
  if (!rehearsal()) check(call(), what);
}

// Bytes of the device, or addresses of nothing in a rehearsal.
void* take_memory(std::size_t bytes, const char* what);
void give_memory_back(void* data, std::size_t bytes) noexcept;

class Queue final : public WorkQueue {
 public:
  Queue();
  ~Queue() override;
  Queue(const Queue&) = delete;

  cudaStream_t stream() const { return stream_; }
  void* workspace(std::size_t bytes) { return room(workspace_, bytes); }
  void* sums(std::size_t bytes) { return room(sums_, bytes); }   // beside the workspace: what blocks leave for the last of them
  unsigned* tickets(std::int64_t n);                // zero; every launch that counts with them leaves them so
  void join() { ++users_; }
  void leave() noexcept;                            // the last one waits and gives the memory back
  int moves() const { return moves_; }              // of this memory: who has noted its address notes it again

 private:
  struct Room {
    void* data = nullptr;
    std::size_t bytes = 0;
  };
  void* room(Room& room, std::size_t bytes);
  void release(Room& room) noexcept;
  void release_workspace() noexcept;

  cudaStream_t stream_ = nullptr;
  Room workspace_, sums_, tickets_;
  int moves_ = 0, users_ = 0;
};

Queue& queue();  // that UseQueue says, else that of this process: an executor has one device

// The pieces of the workspace, one after the other, each aligned to 256 bytes.
class Workspace {
 public:
  template <class T>
  Workspace& want(std::int64_t n) {
    return bytes_ += padded_bytes<T>(n), *this;
  }
  void take() { next_ = static_cast<char*>(queue().workspace(bytes_)); }
  template <class T>
  T* get(std::int64_t n) {
    T* p = reinterpret_cast<T*>(next_);
    return next_ += padded_bytes<T>(n), p;
  }

 private:
  template <class T>
  static std::size_t padded_bytes(std::int64_t n) {
    return (static_cast<std::size_t>(n) * sizeof(T) + 255) / 256 * 256;
  }
  std::size_t bytes_ = 0;
  char* next_ = nullptr;
};

template <auto kernel, class... A>
void launch(dim3 grid, dim3 block, const A&... arguments) {
  if (rehearsal()) return;
#if defined(CUDA_ON_CPU)
  cuda_on_cpu::launch<kernel>(grid, block, queue().stream(), arguments...);
#else
  // clang-format off
  kernel<<<grid, block, 0, queue().stream()>>>(arguments...);
  // clang-format on
  check(cudaGetLastError(), "a kernel");
#endif
}

}  // namespace phasegrid::kernels::cuda
