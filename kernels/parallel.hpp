// Several threads for the loops of one operation.
//
// A network is computed operation by operation, each on all threads of the current pool (fork and join). Every number is made by
// one thread, from the same terms in the same order whatever the pool, so that a cell's bits do not depend on it: work is cut
// where outputs do not overlap (rows, channels), and where sums run over sequences each sequence's part is added in turn.
// Without a pool, as in sweeps with one thread per cell, all of this is a plain loop.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

#include "kernels/rows.hpp"

namespace phasegrid::kernels {

// So many threads: the one that runs operations, and helpers. They watch for work for a moment, then sleep until there is some.
class Pool {
 public:
  explicit Pool(int threads);   // throws std::system_error
  ~Pool();
  Pool(const Pool&) = delete;
  int threads() const { return threads_; }

  using Body = void (*)(void* context, int chunk, void* spare);
  // body(context, 0 .. chunks - 1), chunks beginning in this order; returns when all are done. `spare`: memory of the thread that
  // runs the chunk, `bytes` of it, aligned as an Arena's; null on the calling thread, which has its own. Throws std::bad_alloc
  // before anything runs; bodies must not throw.
  void run(int chunks, std::size_t bytes, Body body, void* context);
  void wait_for_turn(int chunk);   // inside a body: until chunks 0 .. chunk - 1 have called end_turn()
  void end_turn(int chunk);

 private:
  struct Team;
  int threads_;
  std::unique_ptr<Team> team_;
};

// The pool of the operations that this thread runs, from here to the end of the scope. One of a single thread counts as none.
class UsePool {
 public:
  explicit UsePool(Pool& pool);
  ~UsePool();
  UsePool(const UsePool&) = delete;

 private:
  Pool* before_;
};

Pool* current_pool();   // null: none, or inside a body
inline int pool_threads() {
  const Pool* pool = current_pool();
  return pool ? pool->threads() : 1;
}

// The templates below take closures of code that is compiled once per instruction set: they must be inlined, never shared.
#define PHASEGRID_PARALLEL __attribute__((always_inline)) inline

// f(chunk, scratch) for all chunks; `scratch` has n numbers that no other thread uses meanwhile: `own` on the calling thread.
template <class Real, class F>
PHASEGRID_PARALLEL void parallel(int chunks, Real* own, std::int64_t n, F&& f) {
  Pool* pool = chunks > 1 ? current_pool() : nullptr;
  if (!pool) {
    for (int chunk = 0; chunk < chunks; ++chunk) f(chunk, own);
    return;
  }
  auto body = [&](int chunk, void* spare) { f(chunk, spare ? static_cast<Real*>(spare) : own); };
  using Closure = decltype(body);
  pool->run(chunks, static_cast<std::size_t>(n) * sizeof(Real),
            [](void* context, int chunk, void* spare) { (*static_cast<Closure*>(context))(chunk, spare); }, &body);
}

// The same, and after each chunk then(chunk, scratch): one at a time, in the order of the chunks.
template <class Real, class F, class Then>
PHASEGRID_PARALLEL void parallel_in_turn(int chunks, Real* own, std::int64_t n, F&& f, Then&& then) {
  Pool* pool = chunks > 1 ? current_pool() : nullptr;
  parallel(chunks, own, n, [&](int chunk, Real* scratch) {
    f(chunk, scratch);
    if (pool) pool->wait_for_turn(chunk);
    then(chunk, scratch);
    if (pool) pool->end_turn(chunk);
  });
}

template <class F>
PHASEGRID_PARALLEL void parallel(int chunks, F&& f) {
  parallel(chunks, static_cast<char*>(nullptr), 0, [&](int chunk, char*) { f(chunk); });
}

constexpr std::int64_t kWorthAChunk = 1 << 13;   // numbers; fewer are not worth another thread's attention

// f(begin, end, scratch) for pieces of [0, rows), each row about `each` numbers of work.
template <class Real, class F>
PHASEGRID_PARALLEL void parallel_rows(std::int64_t rows, std::int64_t each, Real* own, std::int64_t n, F&& f) {
  const int threads = pool_threads();
  if (threads == 1 || rows * each < 2 * kWorthAChunk) return f(std::int64_t{0}, rows, own);
  const std::int64_t wanted = rows * each / kWorthAChunk, most = wanted < 4 * threads ? wanted : 4 * threads, pieces = most < rows ? most : rows;
  parallel(static_cast<int>(pieces), own, n, [&](int i, Real* scratch) { f(i * rows / pieces, (i + 1) * rows / pieces, scratch); });
}
template <class F>
PHASEGRID_PARALLEL void parallel_rows(std::int64_t rows, std::int64_t each, F&& f) {
  parallel_rows(rows, each, static_cast<char*>(nullptr), 0, [&](std::int64_t begin, std::int64_t end, char*) { f(begin, end); });
}

// f(begin, end, scratch) for pieces of the columns [0, width), whole cache lines, `rows` of them below each other.
template <class Real, class F>
PHASEGRID_PARALLEL void parallel_columns(int width, std::int64_t rows, Real* own, std::int64_t n, F&& f) {
  const int threads = pool_threads(), lines = width / kPad, pieces = threads < lines ? threads : lines;
  if (pieces <= 1 || rows * width < 2 * kWorthAChunk) return f(0, width, own);
  parallel(pieces, own, n, [&](int i, Real* scratch) { f(i * lines / pieces * kPad, (i + 1) * lines / pieces * kPad, scratch); });
}
template <class F>
PHASEGRID_PARALLEL void parallel_columns(int width, std::int64_t rows, F&& f) {
  parallel_columns(width, rows, static_cast<char*>(nullptr), 0, [&](int begin, int end, char*) { f(begin, end); });
}

// p[0 .. n - 1] = 0.
template <class Real>
PHASEGRID_PARALLEL void parallel_zero(Real* p, std::int64_t n) {
  parallel_rows(n, 1, [&](std::int64_t begin, std::int64_t end) { std::memset(p + begin, 0, static_cast<std::size_t>(end - begin) * sizeof(Real)); });
}

}  // namespace phasegrid::kernels
