// Runs CUDA kernels on the CPU for tests: every thread of a block is a fiber; blocks run one after the other on one thread of
// the operating system.
//
// Caught, with the kernel, block and thread by name, and the process aborted:
//   a barrier that only some threads of a block reach while others wait elsewhere; lanes of a warp that disagree about a mask;
//   reads and writes outside an allocation or after it was freed, through guard pages, to the byte at the end of allocations
//   whose size is a multiple of 64 and through marked bytes checked at every synchronisation otherwise;
//   the host touching device memory; a host pointer among the arguments of a kernel, inside structs too;
//   copies that leave an allocation.
// Made visible: memory nobody wrote (device memory starts as NaN, -1), missing barriers (threads and blocks run forwards,
// backwards or shuffled; under ThreadSanitizer each is a data race with its line), missing synchronisation with the host (streams
// do nothing until somebody waits for them, as late as CUDA allows).
// A machine to taste, by variables of the environment, for whole programs (machine.cpp): CUDA_ON_CPU_DEVICES=n [1],
// CUDA_ON_CPU_MEMORY=bytes, CUDA_ON_CPU_STATE=no_driver | old_driver | busy | prohibited | not_compiled.
// Not caught: blocks that race (but their order shows), two streams that race, float arithmetic that differs on a GPU, anything about speed, host pointers in
// tables that were copied to the device as data.
#pragma once
#if defined(PHASEGRID_REAL_GPU)
#include "tests/cuda_on_cpu/real_gpu.hpp"
#else
#include <cstring>
#include <functional>
#include <string_view>
#include <type_traits>

#include "cuda_runtime.h"

namespace cuda_on_cpu {

enum class Order { forward, reverse, random };
inline Order order = Order::forward;                     // of blocks, and of threads between two barriers
std::size_t planted_limit();
inline std::size_t memory_limit = planted_limit();       // bytes of device memory; beyond it cudaMalloc fails
inline std::size_t most_used = 0;                        // bytes of device memory at a time; tests set it back
std::size_t used_now();
inline std::uint64_t launches = 0, waits = 0;            // of kernels outside graphs; for whole streams

// A kernel launch as the runtime keeps it.
struct Launch {
  std::string_view kernel;  // for messages
  dim3 grid, block;
  std::function<void()> body;
};
void enqueue(cudaStream_t, Launch);

void sync_block();
void sync_warp(unsigned mask);
// What lane `source` of the caller's warp gave in the same call.
std::uint64_t exchange(unsigned mask, std::uint64_t bits, int source);
// Of the lanes that make the same call: who gave the same bits.
unsigned match(unsigned mask, std::uint64_t bits);
int lane();
[[noreturn]] void die(const char* format, ...) __attribute__((format(printf, 1, 2)));

void check_argument(std::string_view kernel, int number, const void* bytes, std::size_t size);

template <class T>
T checked(std::string_view kernel, int number, T argument) {
  static_assert(std::is_trivially_copyable_v<T>);
  if constexpr (std::is_class_v<T>) __builtin_clear_padding(&argument);
  check_argument(kernel, number, &argument, sizeof argument);
  return argument;
}

// "... [with auto kernel = conv_forward<true>; ...]" -> "conv_forward<true>"
constexpr std::string_view kernel_name(std::string_view function) {
  const std::size_t begin = function.find("kernel = ") + 9, end = function.find(';', begin);
  return function.substr(begin, end - begin);
}

template <auto kernel, class... A>
void launch(dim3 grid, dim3 block, cudaStream_t stream, const A&... arguments) {
  const std::string_view name = kernel_name(__PRETTY_FUNCTION__);
  int number = 0;
  enqueue(stream, {name, grid, block, [... a = checked(name, ++number, arguments)] { kernel(a...); }});
}

template <class T>
__attribute__((no_sanitize("thread"))) T shuffle(unsigned mask, T value, int source) {
  static_assert(sizeof(T) <= 8);
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  bits = exchange(mask, bits, source);
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

}  // namespace cuda_on_cpu

inline void __syncthreads() { cuda_on_cpu::sync_block(); }
inline void __syncwarp(unsigned mask = ~0u) { cuda_on_cpu::sync_warp(mask); }
template <class T>
T __shfl_sync(unsigned mask, T v, int source) {
  return cuda_on_cpu::shuffle(mask, v, source & 31);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T v, int bits) {
  return cuda_on_cpu::shuffle(mask, v, cuda_on_cpu::lane() ^ bits);
}
template <class T>
T __shfl_down_sync(unsigned mask, T v, unsigned d) {
  const int l = cuda_on_cpu::lane();
  return cuda_on_cpu::shuffle(mask, v, l + static_cast<int>(d) < 32 ? l + static_cast<int>(d) : l);
}
template <class T>
T __shfl_up_sync(unsigned mask, T v, unsigned d) {
  const int l = cuda_on_cpu::lane();
  return cuda_on_cpu::shuffle(mask, v, l >= static_cast<int>(d) ? l - static_cast<int>(d) : l);
}
template <class T>
unsigned __match_any_sync(unsigned mask, T v) {
  return cuda_on_cpu::match(mask, static_cast<std::uint64_t>(v));
}
inline unsigned __ballot_sync(unsigned mask, int yes) {
  const unsigned same = cuda_on_cpu::match(mask, yes != 0);
  return yes ? same : mask & ~same;   // lanes that have returned count as yes there: nobody may leave before
}
inline int __popc(unsigned v) { return __builtin_popcount(v); }
inline int __clz(int v) { return v == 0 ? 32 : __builtin_clz(static_cast<unsigned>(v)); }
inline int __ffs(int v) { return __builtin_ffs(v); }
template <class T>
T atomicCAS(T* p, T expected, T desired) {
  static_assert(std::is_integral_v<T>);
  __atomic_compare_exchange_n(p, &expected, desired, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
  return expected;
}
inline int atomicMin(int* p, int v) {
  int was = __atomic_load_n(p, __ATOMIC_RELAXED);
  while (v < was && !__atomic_compare_exchange_n(p, &was, v, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {}
  return was;
}
inline int atomicAdd(int* p, int v) { return __atomic_fetch_add(p, v, __ATOMIC_RELAXED); }
inline unsigned atomicAdd(unsigned* p, unsigned v) { return __atomic_fetch_add(p, v, __ATOMIC_RELAXED); }
inline void __threadfence() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
float atomicAdd(float*, float) = delete;  // the order of a float sum must not depend on the order of threads
double atomicAdd(double*, double) = delete;
#endif  // PHASEGRID_REAL_GPU
