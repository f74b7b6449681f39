#include "kernels/parallel.hpp"

#include <atomic>
#include <cstdlib>
#include <new>
#include <thread>
#include <vector>

#include "kernels/operations.hpp"

namespace phasegrid::kernels {
namespace {

thread_local Pool* current = nullptr;

constexpr std::size_t kAlignment = 128;
constexpr int kWatch = 4000;   // looks at a word before going to sleep: some tens of microseconds

void pause() {
#if defined(PHASEGRID_X86)
  __builtin_ia32_pause();
#endif
}

// Until `word` is no longer `old`; returns what it is.
int wait_for_change(std::atomic<int>& word, int old) {
  for (int i = 0; i < kWatch; ++i, pause())
    if (const int now = word.load(std::memory_order_acquire); now != old) return now;
  word.wait(old, std::memory_order_acquire);
  return word.load(std::memory_order_acquire);
}

struct Free {
  void operator()(void* p) const { std::free(p); }
};

}  // namespace

// A round of work begins when `bell` changes. Helpers enter while it is open; whoever comes late finds it closed and waits for
// the next, so that nobody waits for a helper that the system has not woken.
struct Pool::Team {
  struct Helper {
    std::thread thread;
    std::unique_ptr<void, Free> spare;
    std::size_t bytes = 0;
  };

  alignas(kAlignment) std::atomic<int> bell{0};
  alignas(kAlignment) std::atomic<int> state{0};   // 2 * helpers inside + (1 if open)
  alignas(kAlignment) std::atomic<int> next{0};    // the chunk to be taken next
  alignas(kAlignment) std::atomic<int> turn{0};
  alignas(kAlignment) Body body = nullptr;
  void* context = nullptr;
  int chunks = 0;
  bool ending = false;
  std::vector<Helper> helpers;

  void take_chunks(void* spare) {
    for (int chunk; (chunk = next.fetch_add(1, std::memory_order_relaxed)) < chunks;) body(context, chunk, spare);
  }
  void help(const Helper& self) {
    flush_denormals();
    for (int seen = 0;;) {
      seen = wait_for_change(bell, seen);
      int now = state.load(std::memory_order_acquire);
      while (now & 1)
        if (state.compare_exchange_weak(now, now + 2, std::memory_order_acq_rel, std::memory_order_acquire)) break;
      if (!(now & 1)) continue;
      if (ending) return;
      take_chunks(self.spare.get());
      if (state.fetch_sub(2, std::memory_order_acq_rel) == 2) state.notify_one();   // the last one out, after closing
    }
  }
  void open() {
    next.store(0, std::memory_order_relaxed), turn.store(0, std::memory_order_relaxed);
    state.store(1, std::memory_order_release);
    bell.fetch_add(1, std::memory_order_release);
    bell.notify_all();
  }
  void close() {
    for (int inside = state.fetch_sub(1, std::memory_order_acq_rel) - 1; inside != 0;) inside = wait_for_change(state, inside);
  }
  // Everybody is let in once more, to leave: the door stays open.
  void end() {
    ending = true;
    open();
    for (Helper& helper : helpers)
      if (helper.thread.joinable()) helper.thread.join();
  }
  void give_spare(std::size_t bytes) {
    bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    for (Helper& helper : helpers) {
      if (helper.bytes >= bytes) continue;
      helper.spare.reset(), helper.bytes = 0;
      helper.spare.reset(std::aligned_alloc(kAlignment, bytes));
      if (!helper.spare) throw std::bad_alloc();
      helper.bytes = bytes;
    }
  }
};

Pool::Pool(int threads) : threads_(threads < 1 ? 1 : threads), team_(std::make_unique<Team>()) {
  team_->helpers.resize(static_cast<std::size_t>(threads_ - 1));
  try {
    for (Team::Helper& helper : team_->helpers) helper.thread = std::thread([&team = *team_, &helper] { team.help(helper); });
  } catch (...) {   // the system has no more threads for us
    team_->end();
    throw;
  }
}

Pool::~Pool() { team_->end(); }

void Pool::run(int chunks, std::size_t bytes, Body body, void* context) {
  Pool* const before = current;
  team_->give_spare(bytes < 1 ? 1 : bytes);
  team_->body = body, team_->context = context, team_->chunks = chunks;
  current = nullptr;   // what a chunk calls is a plain loop
  team_->open();
  team_->take_chunks(nullptr);
  team_->close();
  current = before;
}

void Pool::wait_for_turn(int chunk) {
  for (int now = team_->turn.load(std::memory_order_acquire); now != chunk;) now = wait_for_change(team_->turn, now);
}

void Pool::end_turn(int chunk) {
  team_->turn.store(chunk + 1, std::memory_order_release);
  team_->turn.notify_all();
}

Pool* current_pool() { return current; }

UsePool::UsePool(Pool& pool) : before_(current) { current = pool.threads() > 1 ? &pool : nullptr; }
UsePool::~UsePool() { current = before_; }

}  // namespace phasegrid::kernels
