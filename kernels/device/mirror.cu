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
void invert_here(const std::int32_t* map, std::int64_t n, std::int64_t targets, std::int32_t* starts,
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
T* MapMirror::Cursor::room(std::int64_t n, std::int64_t longest, const T*& on_device) {
  T* here = reinterpret_cast<T*>(body + used);
  on_device = reinterpret_cast<const T*>(body_on_device + used);
  used += aligned(static_cast<std::size_t>(settled ? longest : n) * sizeof(T));
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
  first_.try_emplace(std::get<0>(key), head_.data() + at);
  return known_[key] = head_.data() + at;
}

char* MapMirror::known(const void* host) const {
  const auto it = first_.find(host);
  return it == first_.end() ? nullptr : it->second;
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
  // The same map with another inverse: settled, they share one copy.
  const char* twin = known(map.data);
  const auto fill = [=, on_device = head_.data(), from = map.data](Cursor& cursor, char* head) {
    const auto** table = reinterpret_cast<const std::int32_t**>(head);
    for (int m = 0; m < M; ++m) {
      const std::int64_t n = static_cast<std::int64_t>(rows[m]) * each;
      if (cursor.settled && twin) {
        table[m] = reinterpret_cast<const std::int32_t**>(cursor.head + (twin - on_device))[m];
      } else {
        std::int32_t* here = cursor.room(n, most, table[m]);
        if (n > 0) std::memcpy(here, from[m], static_cast<std::size_t>(n) * sizeof(std::int32_t));
      }
      if (tables == 1) continue;
      const std::int64_t count = targets.count.data ? targets.count[m] : targets.most;
      std::int32_t* starts = cursor.room(count + 1, targets.most + 1, table[M + m]);
      invert_here(from[m], n, count, starts, cursor.room(n, most, table[2 * M + m]));
    }
  };
  const void* host = map.data;
  const Key key{host, targets.count.data, targets.most};
  const bool fresh = !known_.contains(key);
  map.data = reinterpret_cast<const std::int32_t* const*>(
      mirrored(key, static_cast<std::size_t>(tables * M) * sizeof(void*), most_bytes, fill));
  if (fresh && tables > 1) {
    inverses_.push_back({host, map.data, rows.data, targets.count.data, most_rows, targets.most, each});
    for (Count count : {rows, targets.count})  // the device must know them, too
      if (count.data) counts(count);
  }
}

void MapMirror::reals(Reals& reals, Count rows, std::int64_t most_rows, int each) {
  const int M = models_;
  const auto fill = [=, from = reals.data](Cursor& cursor, char* head) {
    const auto** table = reinterpret_cast<const float**>(head);
    for (int m = 0; m < M; ++m) {
      const std::int64_t n = static_cast<std::int64_t>(rows[m]) * each;
      float* here = cursor.room(n, most_rows * each, table[m]);
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
    const auto copy = [&cursor](auto*& to, const auto* values, std::int64_t n, std::int64_t most) {
      auto* here = cursor.room(n, most, to);
      if (values && n > 0) std::memcpy(here, values, static_cast<std::size_t>(n) * sizeof *here);
    };
    for (int m = 0; m < M; ++m) {
      const Walk& walk = from[m];
      if (walk.sequences > most_sequences)
        throw std::logic_error("a batch has more sequences than its layout said it could have");
      table[m].sequences = walk.sequences, table[m].shared = walk.shared;
      copy(table[m].steps, walk.steps, walk.sequences > 0 ? walk.first_step[walk.sequences] : 0, most_steps);
      copy(table[m].first_step, walk.first_step, walk.sequences + 1, most_sequences + 1);
      copy(table[m].first_row, walk.first_row, walk.sequences + 1, most_sequences + 1);
      copy(table[m].first_output, walk.first_output, walk.sequences + 1, most_sequences + 1);
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

// Head and body as they are to be on the device, one after the other.
void MapMirror::fill(char* here, bool settled, std::size_t& used) {
  Cursor cursor{here, here + head_used_, body_.data(), 0, most_body_, settled};
  for (const auto& fill : fills_) fill(cursor);
  used = cursor.used;
}

void MapMirror::upload() {
  if (settled_) return;
  if (body_.bytes() < most_body_) body_ = Buffer(most_body_);  // with the first batch: all maps are known by then
  Staging& staging = staging_[turn_ ^= 1];
  std::size_t used = 0;
  fill(staging.begin(head_used_ + most_body_), false, used);
  staging.copy(head_.data(), 0, head_used_), staging.copy(body_.data(), head_used_, used);
  staging.end();
}

void MapMirror::settle() {
  body_ = Buffer(most_body_);
  std::vector<char> here(head_used_ + most_body_);
  std::size_t used = 0;
  fill(here.data(), true, used);
  std::vector<Inversion> list;
  for (const Inverse& i : inverses_) {
    if (!asked_for_.contains(i.map)) continue;
    list.push_back({i.table, there(Count{i.rows}), i.targets ? there(Count{i.targets}) : nullptr,
                    static_cast<std::int32_t>(i.most_targets), i.each});
    longest_inversion_ = std::max(longest_inversion_, i.most_rows * i.each);
  }
  inversions_made_ = static_cast<int>(list.size());
  inversions_ = Buffer(list.size() * sizeof(Inversion));
  const auto copy = [](char* to, const void* from, std::size_t bytes) {
    const auto transfer = [&] { return cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, queue().stream()); };
    if (bytes > 0) ask(transfer, "copying to the device");
  };
  copy(head_.data(), here.data(), head_used_), copy(body_.data(), here.data() + head_used_, used);
  copy(inversions_.data(), list.data(), inversions_.bytes());
  ask([] { return cudaStreamSynchronize(queue().stream()); }, "waiting for a copy");
  settled_ = true;
}

std::int32_t* MapMirror::there(Count counts) { return reinterpret_cast<std::int32_t*>(known(counts.data)); }
Walk* MapMirror::there(const Walk* walks) { return reinterpret_cast<Walk*>(known(walks)); }
std::int32_t* const* MapMirror::there(Index map) {
  asked_for_.insert(map.data);
  return reinterpret_cast<std::int32_t* const*>(known(map.data));
}

void MapMirror::invert() {
  if (inversions_made_ > 0)
    invert_maps(reinterpret_cast<const Inversion*>(inversions_.data()), inversions_made_, models_, longest_inversion_);
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
