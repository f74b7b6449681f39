// Device memory with guard pages. Addresses come from a range of their own and are never given out twice, so that a pointer says
// which allocation it was meant for.
//
//   | guard page | margin | the allocation, its end at the page's end up to 63 bytes of margin | guard page |
#include "memory.hpp"

#include <signal.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "block.hpp"

namespace cuda_on_cpu {
namespace {

constexpr std::size_t kPage = 4096, kAlign = 64;
constexpr unsigned char kPoison = 0xFF;  // of fresh memory: NaN as float or double, -1 as integer
constexpr unsigned char kMargin = 0xA5;
#if defined(__SANITIZE_ADDRESS__)
constexpr std::uintptr_t kBase = 0x200000000000, kEnd = 0x240000000000;  // where each sanitizer leaves room
#else
constexpr std::uintptr_t kBase = 0x1000000000, kEnd = 0x7000000000;
#endif

struct Allocation {
  char* pages;
  std::size_t page_bytes, bytes;
  bool freed;
};
std::map<std::uintptr_t, Allocation> allocations;  // by first byte
std::map<std::uintptr_t, std::size_t> pinned;
std::uintptr_t next = kBase;
std::size_t used = 0;
bool accessible = false;

bool on_device(std::uintptr_t p) { return p >= kBase && p < kEnd; }

std::map<std::uintptr_t, Allocation>::iterator below(std::uintptr_t p) {
  auto it = allocations.upper_bound(p);
  return it == allocations.begin() ? allocations.end() : std::prev(it);
}

void on_fault(int, siginfo_t* info, void*) {
  const auto p = reinterpret_cast<std::uintptr_t>(info->si_addr);
  signal(SIGSEGV, SIG_DFL);
  if (!on_device(p)) die("access to address %p, which is not device memory", info->si_addr);
  const auto it = below(p + kPage);
  if (it == allocations.end()) die("access to device address %p, which was never allocated", info->si_addr);
  const Allocation& a = it->second;
  if (a.freed)
    die("access to device memory after it was freed (byte %td of %zu)", static_cast<std::ptrdiff_t>(p - it->first),
        a.bytes);
  if (p >= it->first && p < it->first + a.bytes)
    die("device memory is touched outside of kernels and copies (byte %zu of %zu)", p - it->first, a.bytes);
  die("access to byte %td of an allocation of %zu bytes", static_cast<std::ptrdiff_t>(p - it->first), a.bytes);
}

void catch_faults() {
  static bool done = false;
  if (done) return;
  done = true;
  stack_t stack{};
  stack.ss_size = 1 << 16, stack.ss_sp = std::malloc(stack.ss_size);
  sigaltstack(&stack, nullptr);
  struct sigaction action {};
  action.sa_sigaction = on_fault, action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigaction(SIGSEGV, &action, nullptr);
}

void set_protection(int protection) {
  for (auto& [first, a] : allocations)
    if (!a.freed) mprotect(a.pages, a.page_bytes, protection);
}

}  // namespace

void begin_access() {
  if (!accessible) set_protection(PROT_READ | PROT_WRITE);
  accessible = true;
}
void end_access() {
  if (accessible) set_protection(PROT_NONE);
  accessible = false;
}

void check_margins() {
  begin_access();
  for (const auto& [first, a] : allocations) {
    if (a.freed) continue;
    const char *pages = a.pages, *begin = reinterpret_cast<const char*>(first), *end = begin + a.bytes,
               *last = a.pages + a.page_bytes;
    const auto written = [](char c) { return static_cast<unsigned char>(c) != kMargin; };
    if (const char* p = std::find_if(pages, begin, written); p != begin)
      die("something wrote to byte %td of an allocation of %zu bytes", p - begin, a.bytes);
    if (const char* p = std::find_if(end, last, written); p != last)
      die("something wrote to byte %td of an allocation of %zu bytes", p - begin, a.bytes);
  }
}

void check_device_range(const char* what, const void* begin, std::size_t bytes) {
  const auto p = reinterpret_cast<std::uintptr_t>(begin);
  if (!on_device(p)) die("%s: %p is not device memory", what, begin);
  const auto it = below(p);
  if (it == allocations.end() || it->second.freed || p + bytes > it->first + it->second.bytes)
    die("%s: %zu bytes from byte %td of an allocation of %zu bytes", what, bytes,
        static_cast<std::ptrdiff_t>(it == allocations.end() ? 0 : p - it->first),
        it == allocations.end() ? 0 : it->second.bytes);
}
void check_host_range(const char* what, const void* begin) {
  if (on_device(reinterpret_cast<std::uintptr_t>(begin)))
    die("%s: %p is device memory, host memory was meant", what, begin);
}

// Addresses of the host's heap, stacks and programs begin with these bytes; numbers that do are rare enough.
void check_argument(std::string_view kernel, int number, const void* bytes, std::size_t size) {
  for (std::size_t i = 0; i + 8 <= size; i += 8) {
    std::uint64_t word;
    std::memcpy(&word, static_cast<const char*>(bytes) + i, 8);
    const std::uint64_t top = word >> 40;
    if (top == 0x55 || top == 0x56 || (top >= 0x7b && top <= 0x7f))
      die("argument %d of %.*s holds a host pointer at byte %zu", number, static_cast<int>(kernel.size()),
          kernel.data(), i);
  }
}

std::size_t used_now() { return used; }

bool is_pinned(const void* p) {
  const auto address = reinterpret_cast<std::uintptr_t>(p);
  const auto it = pinned.upper_bound(address);
  return it != pinned.begin() && address < std::prev(it)->first + std::prev(it)->second;
}

}  // namespace cuda_on_cpu

using namespace cuda_on_cpu;

cudaError_t cudaMalloc(void** result, std::size_t bytes) {
  catch_faults();
  *result = nullptr;
  if (bytes == 0) return cudaSuccess;
  forbid_in_capture("cudaMalloc");
  if (used + bytes > memory_limit) return fail(cudaErrorMemoryAllocation);
  const std::size_t inside = (bytes + kAlign - 1) / kAlign * kAlign, page_bytes = (inside + kPage - 1) / kPage * kPage;
  void* pages = mmap(reinterpret_cast<void*>(next + kPage), page_bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
  if (pages == MAP_FAILED) return fail(cudaErrorMemoryAllocation);
  next += kPage + page_bytes, used += bytes, most_used = std::max(most_used, used);
  char* first = static_cast<char*>(pages) + page_bytes - inside;
  std::memset(pages, kMargin, page_bytes);
  std::memset(first, kPoison, bytes);
  allocations[reinterpret_cast<std::uintptr_t>(first)] = {static_cast<char*>(pages), page_bytes, bytes, false};
  if (!accessible) mprotect(pages, page_bytes, PROT_NONE);
  *result = first;
  return cudaSuccess;
}

cudaError_t cudaFree(void* p) {
  if (!p) return cudaSuccess;
  forbid_in_capture("cudaFree");
  cudaDeviceSynchronize();
  const auto it = allocations.find(reinterpret_cast<std::uintptr_t>(p));
  if (it == allocations.end() || it->second.freed) die("cudaFree of %p, which is not an allocation", p);
  Allocation& a = it->second;
  madvise(a.pages, a.page_bytes, MADV_DONTNEED);
  mprotect(a.pages, a.page_bytes, PROT_NONE);
  a.freed = true, used -= a.bytes;
  return cudaSuccess;
}

cudaError_t cudaMallocHost(void** result, std::size_t bytes) {
  *result = std::malloc(std::max<std::size_t>(bytes, 1));
  if (!*result) return cudaErrorMemoryAllocation;
  std::memset(*result, kPoison, bytes);
  pinned[reinterpret_cast<std::uintptr_t>(*result)] = bytes;
  return cudaSuccess;
}
cudaError_t cudaFreeHost(void* p) {
  if (!p) return cudaSuccess;
  cudaDeviceSynchronize();
  if (!pinned.erase(reinterpret_cast<std::uintptr_t>(p))) die("cudaFreeHost of %p, which is not an allocation", p);
  std::free(p);
  return cudaSuccess;
}
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  *free = memory_limit > used ? memory_limit - used : 0, *total = memory_limit;
  return cudaSuccess;
}
