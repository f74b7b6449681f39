#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "kernels/device/memory.hpp"
#include "kernels/device/queue.hpp"

namespace phasegrid::kernels::cuda {
namespace {

constexpr std::size_t kAlign = 16;
std::size_t aligned(std::size_t bytes) { return (bytes + kAlign - 1) / kAlign * kAlign; }

// Who points at each target, in ascending order: a counting sort. Entries below 0 point at nothing.
void invert(const std::int32_t* map, std::int64_t n, std::int64_t targets, std::int32_t* starts,
            std::int32_t* entries) {
  std::fill(starts, starts + targets + 1, 0);
  for (std::int64_t i = 0; i < n; ++i)
    if (map[i] >= 0) ++starts[map[i] + 1];
  for (std::int64_t t = 0; t < targets; ++t) starts[t + 1] += starts[t];
  for (std::int64_t i = 0; i < n; ++i)
    if (map[i] >= 0) entries[starts[map[i]]++] = static_cast<std::int32_t>(i);
  for (std::int64_t t = targets; t > 0; --t) starts[t] = starts[t - 1];
  starts[0] = 0;
}

}  // namespace

template <class T>
T* MapMirror::Cursor::room(std::int64_t n, const T*& on_device) {
  T* here = reinterpret_cast<T*>(body + used);
  on_device = reinterpret_cast<const T*>(body_on_device + used);
  used += aligned(static_cast<std::size_t>(n) * sizeof(T));
  if (used > most) throw std::logic_error("a batch has more rows than its layout said it could have");
  return here;
}

MapMirror::MapMirror(int models)
    : models_(models),
      head_(static_cast<std::size_t>(models) * 16384 + 65536),
      results_(static_cast<std::size_t>(models) * 64),
      results_here_(results_.bytes(), true) {}

std::size_t MapMirror::place(std::size_t bytes) {
  const std::size_t at = head_used_;
  head_used_ += aligned(bytes);
  if (head_used_ > head_.bytes())
    throw std::logic_error("the mirror of the batch's maps has too small a head for this network");
  return at;
}

template <class Fill>
char* MapMirror::mirrored(const Key& key, std::size_t head_bytes, std::int64_t body_bytes, Fill fill) {
  if (const auto it = known_.find(key); it != known_.end()) return it->second;
  const std::size_t at = place(head_bytes);
  most_body_ += aligned(static_cast<std::size_t>(body_bytes));
  fills_.push_back([fill, at](Cursor& cursor) { fill(cursor, cursor.head + at); });
  return known_[key] = head_.data() + at;
}

void MapMirror::counts(Count& counts) {
  const std::size_t bytes = static_cast<std::size_t>(models_) * sizeof(std::int32_t);
  counts.data = reinterpret_cast<const std::int32_t*>(
      mirrored({counts.data, nullptr, 0}, bytes, 0,
               [from = counts.data, bytes](Cursor&, char* head) { std::memcpy(head, from, bytes); }));
}

void MapMirror::map(Index& map, Count rows, std::int64_t most_rows, int each, Targets targets) {
  const int M = models_, tables = targets.most > 0 ? 3 : 1;
  const std::int64_t most = most_rows * each, most_bytes = M * 4 *
                                                           (most + (tables > 1 ? targets.most + 1 + most : 0) +
                                                            3 * static_cast<std::int64_t>(kAlign));
  const auto fill = [=, from = map.data](Cursor& cursor, char* head) {
    const auto** table = reinterpret_cast<const std::int32_t**>(head);
    for (int m = 0; m < M; ++m) {
      const std::int64_t n = static_cast<std::int64_t>(rows[m]) * each;
      std::int32_t* here = cursor.room(n, table[m]);
      if (n > 0) std::memcpy(here, from[m], static_cast<std::size_t>(n) * sizeof(std::int32_t));
      if (tables == 1) continue;
      const std::int64_t count = targets.count.data ? targets.count[m] : targets.most;
      std::int32_t* starts = cursor.room(count + 1, table[M + m]);
      invert(here, n, count, starts, cursor.room(n, table[2 * M + m]));
    }
  };
  map.data = reinterpret_cast<const std::int32_t* const*>(mirrored({map.data, targets.count.data, targets.most},
                                                                   static_cast<std::size_t>(tables * M) * sizeof(void*),
                                                                   most_bytes, fill));
}

void MapMirror::reals(Reals& reals, Count rows, std::int64_t most_rows, int each) {
  const int M = models_;
  const auto fill = [=, from = reals.data](Cursor& cursor, char* head) {
    const auto** table = reinterpret_cast<const float**>(head);
    for (int m = 0; m < M; ++m) {
      const std::int64_t n = static_cast<std::int64_t>(rows[m]) * each;
      float* here = cursor.room(n, table[m]);
      if (n > 0) std::memcpy(here, from[m], static_cast<std::size_t>(n) * sizeof(float));
    }
  };
  reals.data = reinterpret_cast<const float* const*>(
      mirrored({reals.data, nullptr, 0}, static_cast<std::size_t>(M) * sizeof(void*),
               M * (most_rows * each * 4 + static_cast<std::int64_t>(kAlign)), fill));
}

void MapMirror::walks(const Walk*& walks, std::int64_t most_sequences, std::int64_t most_steps) {
  const int M = models_;
  const auto fill = [=, from = walks](Cursor& cursor, char* head) {
    Walk* table = reinterpret_cast<Walk*>(head);
    const auto copy = [&cursor](auto*& to, const auto* values, std::int64_t n) {
      auto* here = cursor.room(n, to);
      if (values && n > 0) std::memcpy(here, values, static_cast<std::size_t>(n) * sizeof *here);
    };
    for (int m = 0; m < M; ++m) {
      const Walk& walk = from[m];
      if (walk.sequences > most_sequences)
        throw std::logic_error("a batch has more sequences than its layout said it could have");
      table[m].sequences = walk.sequences, table[m].shared = walk.shared;
      copy(table[m].steps, walk.steps, walk.sequences > 0 ? walk.first_step[walk.sequences] : 0);
      copy(table[m].first_step, walk.first_step, walk.sequences + 1);
      copy(table[m].first_row, walk.first_row, walk.sequences + 1),
          copy(table[m].first_output, walk.first_output, walk.sequences + 1);
    }
  };
  const std::int64_t bytes = M * (most_steps * static_cast<std::int64_t>(sizeof(ScanStep)) +
                                  3 * 4 * (most_sequences + 1) + 4 * static_cast<std::int64_t>(kAlign));
  walks = reinterpret_cast<const Walk*>(
      mirrored({walks, nullptr, 0}, static_cast<std::size_t>(M) * sizeof(Walk), bytes, fill));
}

template <class T>
void MapMirror::add_result(T*& results) {
  const std::size_t bytes = static_cast<std::size_t>(models_) * sizeof(T);
  if (results_used_ + bytes > results_.bytes()) throw std::logic_error("more results than a network has");
  result_list_.push_back({results, results_used_, bytes});
  results = reinterpret_cast<T*>(results_.data() + results_used_);
  results_used_ += aligned(bytes);
}
void MapMirror::result(double*& results) { add_result(results); }
void MapMirror::result(std::int64_t*& results) { add_result(results); }

void MapMirror::upload() {
  if (body_.bytes() < most_body_) body_ = Buffer(most_body_);  // with the first batch: all maps are known by then
  Staging& staging = staging_[turn_ ^= 1];
  char* here = staging.begin(head_used_ + most_body_);
  Cursor cursor{here, here + head_used_, body_.data(), 0, most_body_};
  for (const auto& fill : fills_) fill(cursor);
  staging.copy(head_.data(), 0, head_used_), staging.copy(body_.data(), head_used_, cursor.used);
  staging.end();
}

void MapMirror::wait() {
  if (!asked_ || results_used_ == 0) return;
  const auto copy = [&] {
    return cudaMemcpyAsync(results_here_.data(), results_.data(), results_used_, cudaMemcpyDeviceToHost,
                           queue().stream());
  };
  ask(copy, "copying results");
  ask([&] { return cudaStreamSynchronize(queue().stream()); }, "waiting for results");
  for (const Result& r : result_list_) std::memcpy(r.to, results_here_.data() + r.offset, r.bytes);
  asked_ = false;
}

const char* MapMirror::place_of(const void* results) const {
  for (const Result& r : result_list_)
    if (r.to == results) return results_.data() + r.offset;
  throw std::logic_error("no operation leaves results there");
}

}  // namespace phasegrid::kernels::cuda
