// One block: its threads as fibers of one thread of the operating system, resumed in the chosen order between barriers.
//
// ThreadSanitizer sees each fiber as a thread of its own. A barrier is a release by every thread, then an acquire; two
// objects alternate, so that a thread already past the next barrier lends no order to one still before it.
#include "block.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#if defined(__SANITIZE_THREAD__)
extern "C" {
void* __tsan_create_fiber(unsigned);
void __tsan_switch_to_fiber(void*, unsigned);
void* __tsan_get_current_fiber();
void __tsan_acquire(void*);
void __tsan_release(void*);
}
// The first race ends the process; messages about faults are printed from a signal handler.
extern "C" const char* __tsan_default_options() { return "halt_on_error=1:report_signal_unsafe=0:exitcode=66"; }
#define FIBER_CREATE() __tsan_create_fiber(0)
#define FIBER_SWITCH(f) __tsan_switch_to_fiber(f, 1)  // 1: the switch itself orders nothing
#define FIBER_SELF() __tsan_get_current_fiber()
#define ACQUIRE(p) __tsan_acquire(p)
#define RELEASE(p) __tsan_release(p)
#else
#define FIBER_CREATE() nullptr
#define FIBER_SWITCH(f)
#define FIBER_SELF() nullptr
#define ACQUIRE(p)
#define RELEASE(p)
#endif
#define SCHEDULER __attribute__((no_sanitize("thread"), no_sanitize("address")))  // is not what is being checked

extern "C" void cuda_on_cpu_switch(void** save, void* load);
asm(R"(.text
.globl cuda_on_cpu_switch
.type cuda_on_cpu_switch,@function
cuda_on_cpu_switch:
 pushq %rbp; pushq %rbx; pushq %r12; pushq %r13; pushq %r14; pushq %r15
 movq %rsp,(%rdi)
 movq %rsi,%rsp
 popq %r15; popq %r14; popq %r13; popq %r12; popq %rbx; popq %rbp
 ret
.size cuda_on_cpu_switch,.-cuda_on_cpu_switch
)");

namespace cuda_on_cpu {
namespace {

constexpr std::size_t kStack = 256 << 10, kPage = 4096;
constexpr int kMostThreads = 1024;
enum class State : std::uint8_t { ready, at_block_barrier, at_warp_barrier, done };

struct Fiber {
  void* stack_pointer = nullptr;
  char* stack = nullptr;
  void* sanitizer = nullptr;
  uint3 index{};
  State state = State::ready;
  unsigned mask = 0, together = 0, block_phase = 0, warp_phase = 0, slot_phase = 0;
  std::uint64_t slot[2] = {};
};

// Plain arrays: ThreadSanitizer looks into the standard library's templates, which are not the scheduler's own code.
struct Scheduler {
  Fiber fibers[kMostThreads];
  int order[kMostThreads] = {};
  int count = 0, current = -1;
  void *main_stack_pointer = nullptr, *main_sanitizer = nullptr;
  const Launch* launch = nullptr;
  char block_barrier[2] = {}, warp_barrier[kMostThreads / 32][2] = {}, start = 0;
  std::mt19937_64 random{1};
} scheduler;

SCHEDULER void to_main(State state) {
  Fiber& f = scheduler.fibers[scheduler.current];
  f.state = state;
  FIBER_SWITCH(scheduler.main_sanitizer);
  cuda_on_cpu_switch(&f.stack_pointer, scheduler.main_stack_pointer);
}

SCHEDULER void entry() {
  ACQUIRE(&scheduler.start);
  scheduler.launch->body();
  RELEASE(&scheduler.start);
  to_main(State::done);
  std::abort();
}

SCHEDULER void resume(int i) {
  scheduler.current = i;
  Fiber& f = scheduler.fibers[i];
  threadIdx = f.index;
  FIBER_SWITCH(f.sanitizer);
  cuda_on_cpu_switch(&scheduler.main_stack_pointer, f.stack_pointer);
  scheduler.current = -1;
}

SCHEDULER void prepare(int i, uint3 index) {
  Fiber& f = scheduler.fibers[i];
  if (!f.stack) {
    f.stack = static_cast<char*>(
        mmap(nullptr, kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    if (f.stack == MAP_FAILED) die("no memory for the stack of a thread");
    mprotect(f.stack, kPage, PROT_NONE);
  }
  f.index = index, f.state = State::ready, f.block_phase = f.warp_phase = f.slot_phase = 0;
  void** top = reinterpret_cast<void**>(f.stack + kStack);
  *--top = nullptr, *--top = reinterpret_cast<void*>(entry);
  for (int r = 0; r < 6; ++r) *--top = nullptr;
  f.stack_pointer = top;
  if (!f.sanitizer) f.sanitizer = FIBER_CREATE();  // dear: kept from block to block, whose threads come one after the other
}

// Lets go those lanes of one warp for whom every lane of their mask has arrived; lanes that have returned count as arrived.
SCHEDULER bool release_warp(int first) {
  const int n = std::min(scheduler.count - first, 32);
  unsigned waiting = 0, gone = n < 32 ? ~0u << n : 0;
  for (int i = 0; i < n; ++i) {
    const State state = scheduler.fibers[first + i].state;
    if (state == State::at_warp_barrier) waiting |= 1u << i;
    if (state == State::done) gone |= 1u << i;
  }
  bool released = false;
  for (int i = 0; i < n; ++i) {
    const unsigned mask = scheduler.fibers[first + i].mask;
    if (!(waiting >> i & 1) || (mask & ~gone & ~waiting)) continue;
    for (int j = 0; j < n; ++j) {
      Fiber& f = scheduler.fibers[first + j];
      if (!(mask >> j & 1) || f.state != State::at_warp_barrier) continue;
      if (f.mask != mask)
        die("lanes of one warp call a _sync function with different masks (%08x and %08x)", mask, f.mask);
      f.state = State::ready, f.together = mask & ~gone, waiting &= ~(1u << j), released = true;
    }
  }
  return released;
}

SCHEDULER void release_block() {
  int live = 0, waiting = 0;
  for (int i = 0; i < scheduler.count; ++i) {
    live += scheduler.fibers[i].state != State::done;
    waiting += scheduler.fibers[i].state == State::at_block_barrier;
  }
  if (waiting != scheduler.count)
    die("only %d of %d threads reach __syncthreads (%d have returned)", waiting, scheduler.count,
        scheduler.count - live);
  for (int i = 0; i < scheduler.count; ++i) scheduler.fibers[i].state = State::ready;
}

SCHEDULER void arrange(int* items, int n) {
  for (int i = 0; i < n; ++i) items[i] = order == Order::reverse ? n - 1 - i : i;
  for (int i = n - 1; order == Order::random && i > 0; --i)
    std::swap(items[i], items[scheduler.random() % static_cast<unsigned>(i + 1)]);
}

SCHEDULER void run_block() {
  int n = 0;
  for (unsigned z = 0; z < blockDim.z; ++z)
    for (unsigned y = 0; y < blockDim.y; ++y)
      for (unsigned x = 0; x < blockDim.x; ++x) prepare(n++, {x, y, z});
  scheduler.count = n, scheduler.main_sanitizer = FIBER_SELF();
  RELEASE(&scheduler.start);
  for (int done = 0; done < n;) {
    bool ran = false;
    arrange(scheduler.order, n);
    for (int k = 0; k < n; ++k) {
      const int i = scheduler.order[k];
      if (scheduler.fibers[i].state != State::ready) continue;
      resume(i), ran = true;
      done += scheduler.fibers[i].state == State::done;
    }
    for (int first = 0; first < n; first += 32) ran |= release_warp(first);
    if (!ran && done < n) release_block();
  }
  ACQUIRE(&scheduler.start);
}

}  // namespace

SCHEDULER void run(const Launch& launch) {
  gridDim = launch.grid, blockDim = launch.block, scheduler.launch = &launch;
  const unsigned threads = blockDim.x * blockDim.y * blockDim.z, blocks = gridDim.x * gridDim.y * gridDim.z;
  if (threads == 0 || blocks == 0 || threads > kMostThreads || gridDim.y > 65535 || gridDim.z > 65535)
    die("a launch of %u x %u x %u blocks of %u threads, which no GPU takes", gridDim.x, gridDim.y, gridDim.z, threads);
  std::vector<int> blocks_in_order(blocks);
  arrange(blocks_in_order.data(), static_cast<int>(blocks));
  for (const int b : blocks_in_order) {
    const unsigned i = static_cast<unsigned>(b);
    blockIdx = {i % gridDim.x, i / gridDim.x % gridDim.y, i / gridDim.x / gridDim.y};
    run_block();
  }
  scheduler.launch = nullptr;
}

std::string where() {
  if (!scheduler.launch) return "the host";
  char text[160];
  const int n = std::snprintf(text, sizeof text, ", block (%u, %u, %u)", blockIdx.x, blockIdx.y, blockIdx.z);
  if (scheduler.current >= 0)
    std::snprintf(text + n, sizeof text - n, ", thread (%u, %u, %u)", threadIdx.x, threadIdx.y, threadIdx.z);
  return std::string(scheduler.launch->kernel) + text;
}

void die(const char* format, ...) {
  std::fprintf(stderr, "cuda_on_cpu: %s: ", where().c_str());
  va_list arguments;
  va_start(arguments, format);
  std::vfprintf(stderr, format, arguments);
  std::fputc('\n', stderr);
  std::abort();
}

SCHEDULER void sync_block() {
  [[maybe_unused]] char* barrier = &scheduler.block_barrier[scheduler.fibers[scheduler.current].block_phase++ & 1];
  RELEASE(barrier);
  to_main(State::at_block_barrier);
  ACQUIRE(barrier);
}

SCHEDULER void sync_warp(unsigned mask) {
  Fiber& f = scheduler.fibers[scheduler.current];
  if (!(mask >> lane() & 1)) die("the calling lane is not in its own mask %08x", mask);
  f.mask = mask;
  [[maybe_unused]] char* barrier = &scheduler.warp_barrier[scheduler.current / 32][f.warp_phase++ & 1];
  RELEASE(barrier);
  to_main(State::at_warp_barrier);
  ACQUIRE(barrier);
}

SCHEDULER int lane() { return scheduler.current & 31; }

SCHEDULER std::uint64_t exchange(unsigned mask, std::uint64_t bits, int source) {
  const int own = scheduler.current, from = (own & ~31) + source;
  Fiber& f = scheduler.fibers[own];
  const unsigned phase = f.slot_phase++ & 1;
  f.slot[phase] = bits;
  sync_warp(mask);
  if (source < 0 || source > 31 || !(f.together >> source & 1))
    die("lane %d reads lane %d, which takes no part in the exchange (mask %08x, present %08x)", own & 31, source, mask,
        f.together);
  return scheduler.fibers[from].slot[phase];
}

SCHEDULER unsigned match(unsigned mask, std::uint64_t bits) {
  const int own = scheduler.current, first = own & ~31;
  Fiber& f = scheduler.fibers[own];
  const unsigned phase = f.slot_phase++ & 1;
  f.slot[phase] = bits;
  sync_warp(mask);
  unsigned same = 0;
  for (int i = 0; i < 32; ++i)
    if (f.together >> i & 1 && scheduler.fibers[first + i].slot[phase] == bits) same |= 1u << i;
  return same;
}

}  // namespace cuda_on_cpu
