// One block lays out the batch of one model, layer by layer: the steps of worker/layout.cpp, each for all positions at once.
//
// Where the host counts in order, integers are joined in ways that forget the order of threads (least position, number of
// occurrences), or positions are numbered by sums over those before them. Working memory is a model's own (Room).
#include "worker/device/layout.hpp"

#include "worker/device/ranks.hpp"

namespace phasegrid::worker {
namespace {

using kernels::cuda::kAllLanes;

constexpr int kNever = 0x7fffffff;
constexpr unsigned long long kNoKey = ~0ull;
constexpr int kMostThreads = 1024;

struct Room {
  std::int32_t *length, *starts;              // [sequences + 1]
  std::int32_t *row_at, *window_at, *mark;    // [positions]: row, window; hash slot of its window, later its output or -1
  std::int32_t *first, *rank_of;              // [keys]: least position or output, number
  std::int32_t *crowded, *crossing;           // [T]: slots of windows that may be shared, where they become so
  unsigned long long* hash_key;               // [slots]
  std::int32_t* hash_count;
};
struct Rooms {
  Room first;                                 // that of model 0
  std::int64_t sequences, positions, keys, slots, T;
};
template <class Number>
__device__ Number* next(Number* first, std::int64_t each, int m) {
  return first + each * m;
}
__device__ Room room_of(const Rooms& all, int m) {
  const Room& r = all.first;
  return {next(r.length, all.sequences + 1, m), next(r.starts, all.sequences + 1, m), next(r.row_at, all.positions, m),
          next(r.window_at, all.positions, m), next(r.mark, all.positions, m), next(r.first, all.keys, m),
          next(r.rank_of, all.keys, m), next(r.crowded, all.T, m), next(r.crossing, all.T, m),
          next(r.hash_key, all.slots, m), next(r.hash_count, all.slots, m)};
}

// A map of one model, or nothing.
struct Map {
  std::int32_t* to;
  __device__ Map(std::int32_t* const* table, int m) : to(table ? table[m] : nullptr) {}
  __device__ void put(int i, std::int32_t value) const {
    if (to) to[i] = value;
  }
};

struct Shared {
  int crowds, count, at[kernels::kMostShared], slot[kernels::kMostShared];  // count windows, first seen at these positions
};

struct Model {
  const LayoutJob& job;
  const Rooms& rooms;
  const Room& room;
  const int m;
  const std::int32_t *tokens, *targets;
  const Sequences all;

  __device__ bool scored(int p) const { return targets[p] != tasks::kUnscored; }

  // Nothing exists after the last scored position.
  __device__ void find_lengths() const {
    for (int s = all.warp(); s < all.count; s += all.warps()) {
      int length = 0;
      for (int t0 = 0; t0 < all.T; t0 += kLanes) {
        const int t = t0 + all.lane();
        const unsigned hits = __ballot_sync(kAllLanes, t < all.T && scored(s * all.T + t));
        if (hits) length = job.reordered ? all.T : t0 + kLanes - __clz(static_cast<int>(hits));
      }
      if (all.lane() == 0) room.length[s] = length;
    }
    __syncthreads();
  }

  __device__ int key_of(int t, int p) const {
    return job.first_rows == FirstRows::pairs ? tokens[p] * all.T + t : tokens[p];
  }

  __device__ int first_layer_rows() const {
    const Map token(job.token, m), position(job.position, m);
    const bool apart = job.first_rows == FirstRows::positions;
    const int keys = apart ? 0 : job.vocab * (job.first_rows == FirstRows::pairs ? all.T : 1);
    for (int k = threadIdx.x; k < keys; k += blockDim.x) room.first[k] = kNever;
    __syncthreads();
    if (!apart)
      all.each([&](int, int t, int p, bool exists) {
        if (exists) atomicMin(room.first + key_of(t, p), p);
      });
    __syncthreads();
    const int rows = deal_numbers(
        all, room.starts,
        [&](int, int t, int p, bool exists) { return exists && (apart || room.first[key_of(t, p)] == p) ? 1 : 0; },
        [&](int, int t, int p, int row, int) {
          token.put(row, tokens[p]), position.put(row, t);
          if (apart) room.row_at[p] = row;
          else room.rank_of[key_of(t, p)] = row;
        });
    __syncthreads();
    if (!apart)
      all.each([&](int, int t, int p, bool exists) {
        if (exists) room.row_at[p] = room.rank_of[key_of(t, p)];
      });
    __syncthreads();
    return rows;
  }

  // Later layers: rows are positions.
  __device__ int later_rows() const {
    const int rows = deal_numbers(
        all, room.starts, [](int, int, int, bool exists) { return exists ? 1 : 0; },
        [&](int, int, int p, int row, int) { room.row_at[p] = row; });
    __syncthreads();
    return rows;
  }

  __device__ int slot_of(unsigned long long key) const {
    const unsigned mask = static_cast<unsigned>(rooms.slots) - 1;
    for (unsigned i = static_cast<unsigned>(key * 0x9E3779B97F4A7C15ull >> 32) & mask;; i = (i + 1) & mask) {
      const unsigned long long there = atomicCAS(room.hash_key + i, kNoKey, key);
      if (there == kNoKey || there == key) return static_cast<int>(i);
    }
  }

  // How often each window of whole tokens occurs, in a hash table; the slot of every position's window.
  __device__ void count_windows() const {
    for (int i = threadIdx.x; i < rooms.slots; i += blockDim.x) room.hash_key[i] = kNoKey, room.hash_count[i] = 0;
    __syncthreads();
    all.each([&](int, int t, int p, bool exists) {
      const bool whole = exists && t >= job.taps - 1;
      unsigned long long key = kNoKey;
      if (whole) key = 0;
      for (int j = 0; whole && j < job.taps; ++j) key = key * (static_cast<unsigned>(job.vocab) + 1) + static_cast<unsigned>(tokens[p - j]);
      const unsigned same = __match_any_sync(kAllLanes, key);  // a run of filler asks once
      const int asks = __ffs(static_cast<int>(same)) - 1;
      int slot = -1;
      if (whole && all.lane() == asks) slot = slot_of(key), atomicAdd(room.hash_count + slot, __popc(same));
      slot = __shfl_sync(kAllLanes, slot, asks);
      if (exists) room.mark[p] = slot;
    });
    __syncthreads();
  }

  // Where the n-th window of a slot stands: asked by a warp.
  __device__ int position_of(int slot, int n) const {
    for (int s = 0; s < all.count; ++s)
      for (int t0 = 0; t0 < all.length[s]; t0 += kLanes) {
        const int t = t0 + all.lane();
        unsigned hits = __ballot_sync(kAllLanes, t < all.length[s] && room.mark[s * all.T + t] == slot);
        const int here = __popc(hits);
        if (here < n) {
          n -= here;
          continue;
        }
        for (; n > 1; --n) hits &= hits - 1;
        return s * all.T + t0 + __ffs(static_cast<int>(hits)) - 1;
      }
    return kNever;
  }

  // Windows that occur more often than there are sequences, in the order in which that is noticed; the first few are shared.
  __device__ void share_windows(Shared& shared) const {
    if (threadIdx.x == 0) shared.crowds = shared.count = 0;
    __syncthreads();
    if (!job.shared_windows) return;
    count_windows();
    for (int i = threadIdx.x; i < rooms.slots; i += blockDim.x)
      if (room.hash_count[i] > all.count) room.crowded[atomicAdd(&shared.crowds, 1)] = i;
    __syncthreads();
    for (int c = all.warp(); c < shared.crowds; c += all.warps()) {
      const int p = position_of(room.crowded[c], all.count + 1);
      if (all.lane() == 0) room.crossing[c] = p;
    }
    __syncthreads();
    if (threadIdx.x > 0) return;
    for (int last = -1; shared.count < kernels::kMostShared && shared.count < shared.crowds; ++shared.count) {
      int least = kNever;
      for (int c = 0; c < shared.crowds; ++c)
        if (room.crossing[c] > last && room.crossing[c] < least) least = room.crossing[c];
      shared.at[shared.count] = last = least, shared.slot[shared.count] = room.mark[least];
    }
  }

  __device__ void write_window(const LayerPlaces& to, int window, int t, int p) const {
    const Map map(to.window, m), input(to.window_input, m);
    for (int j = 0; j < job.taps; ++j) map.put(window * job.taps + j, t >= j ? room.row_at[p - j] : -1);
    input.put(window, room.row_at[p]);
  }

  // Shared windows first, then one for every other position. Returns how many.
  __device__ int find_windows(const LayerPlaces& to, bool first_layer, Shared& shared) const {
    if (first_layer) share_windows(shared);
    else if (threadIdx.x == 0) shared.count = 0;
    __syncthreads();
    const int count = shared.count;
    all.each([&](int, int, int p, bool exists) {
      if (!exists) return;
      room.window_at[p] = -1;
      for (int i = 0; i < count; ++i)
        if (room.mark[p] == shared.slot[i]) room.window_at[p] = i;
    });
    if (threadIdx.x < static_cast<unsigned>(count)) write_window(to, threadIdx.x, shared.at[threadIdx.x] % all.T, shared.at[threadIdx.x]);
    __syncthreads();
    const int own = deal_numbers(
        all, room.starts, [&](int, int, int p, bool exists) { return exists && room.window_at[p] < 0 ? 1 : 0; },
        [&](int, int t, int p, int rank, int) {
          room.window_at[p] = count + rank;
          write_window(to, count + rank, t, p);
        });
    copy_starts(to.walks, &kernels::Walk::first_row, count);
    if (job.reordered)
      for (const auto place : {&kernels::Walk::first_step, &kernels::Walk::first_row, &kernels::Walk::first_output})
        copy_starts(to.every_walks, place, count);
    __syncthreads();
    return count + own;
  }

  __device__ void copy_starts(const kernels::Walk* walks, const std::int32_t* kernels::Walk::*place, int more) const {
    if (!walks) return;
    std::int32_t* to = const_cast<std::int32_t*>(walks[m].*place);
    for (int s = threadIdx.x; s <= all.count; s += blockDim.x) to[s] = room.starts[s] + more;
  }

  // What is read, and the rows of the gate: distinct input rows in the order in which outputs ask for them.
  __device__ void find_outputs(const LayerPlaces& to, int rows, bool last, int& outputs, int& gates) const {
    const Map row(to.output_row, m), input(to.output_input, m), window(to.output_window, m), gate_input(to.gate_input, m),
        gate(to.output_gate, m), label(last ? job.label : nullptr, m);
    for (int r = threadIdx.x; r < rows; r += blockDim.x) room.first[r] = kNever;
    all.each([&](int, int, int p, bool exists) {
      if (exists) room.mark[p] = -1;
    });
    __syncthreads();
    outputs = deal_numbers(
        all, room.starts, [&](int, int, int p, bool exists) { return exists && (!last || scored(p)) ? 1 : 0; },
        [&](int, int t, int p, int q, int) {
          row.put(q, room.window_at[p]), input.put(q, room.row_at[p]), label.put(q, targets[p]);
          for (int j = 0; j < job.taps; ++j) window.put(q * job.taps + j, t >= j ? room.row_at[p - j] : -1);
          room.mark[p] = q;
          atomicMin(room.first + room.row_at[p], q);
        });
    copy_starts(to.walks, &kernels::Walk::first_output, 0);
    __syncthreads();
    gates = deal_numbers(
        all, room.starts,
        [&](int, int, int p, bool exists) {
          return exists && room.mark[p] >= 0 && room.first[room.row_at[p]] == room.mark[p] ? 1 : 0;
        },
        [&](int, int, int p, int rank, int) {
          room.rank_of[room.row_at[p]] = rank;
          gate_input.put(rank, room.row_at[p]);
        });
    __syncthreads();
    all.each([&](int, int, int p, bool exists) {
      if (exists && room.mark[p] >= 0) gate.put(room.mark[p], room.rank_of[room.row_at[p]]);
    });
  }

  // A run of a shared window that nobody reads: does position p belong to one, and is it the same as at position q?
  __device__ bool skipped(int p, int shared) const { return room.window_at[p] < shared && room.mark[p] < 0; }
  __device__ bool joined(int p, int q) const { return room.window_at[p] == room.window_at[q] && room.mark[q] < 0; }

  // Every position is a step; a run is one step for each power of two in its length, at its end.
  __device__ void find_steps(const LayerPlaces& to, int shared) const {
    if (!to.walks) return;
    kernels::ScanStep* steps = const_cast<kernels::ScanStep*>(to.walks[m].steps);
    constexpr int kMost = kernels::kPowers - 1;
    int begin = 0, run = 0;  // of the run that a position is in; its length if it ends here, else 0
    deal_numbers(
        all, room.starts,
        [&](int s, int t, int p, bool exists) {
          const bool member = exists && skipped(p, shared);
          run = 0;
          if (shared == 0) return exists ? 1 : 0;
          const unsigned begins = __ballot_sync(kAllLanes, member && !(t > 0 && joined(p, p - 1)));
          const unsigned mine = begins & (~0u >> (kLanes - 1 - all.lane()));
          const int t0 = t - all.lane(), before = begin;
          begin = begins ? t0 + kLanes - 1 - __clz(static_cast<int>(begins)) : before;
          if (!member) return exists ? 1 : 0;
          if (t + 1 < all.length[s] && joined(p, p + 1)) return 0;
          run = t + 1 - (mine ? t0 + kLanes - 1 - __clz(static_cast<int>(mine)) : before);
          return (run >> kMost) + __popc(static_cast<unsigned>(run) & ((1u << kMost) - 1));
        },
        [&](int, int, int p, int i, int) {
          const std::int32_t window = room.window_at[p];
          if (run == 0) {
            steps[i] = {window, room.mark[p], 0};
            return;
          }
          for (int n = run >> kMost; n > 0; --n) steps[i++] = {window, -1, kMost};
          for (int power = kMost - 1; power >= 0; --power)
            if (run >> power & 1) steps[i++] = {window, -1, power};
        });
    copy_starts(to.walks, &kernels::Walk::first_step, 0);
  }

  __device__ void every_position(const LayerPlaces& to, int windows) const {
    if (!job.reordered) return;
    const Map row(to.every_row, m);
    for (int i = threadIdx.x; i < windows; i += blockDim.x) {
      row.put(i, i);
      if (to.every_walks) const_cast<kernels::ScanStep*>(to.every_walks[m].steps)[i] = {i, i, 0};
    }
  }
};

__device__ void put_count(std::int32_t* counts, int m, int n) {
  if (counts) counts[m] = n;
}

}  // namespace

__global__ void __launch_bounds__(kMostThreads) lay_out_models(LayoutJob job, Rooms rooms) {
  __shared__ Shared shared;
  const int m = blockIdx.x, sequences = job.draws[m].sequences();
  const Room room = room_of(rooms, m);
  const std::int64_t place = m * rooms.positions;
  const Model model{job, rooms, room, m, job.drawn.tokens + place, job.drawn.targets + place, {sequences, job.drawn.T, room.length}};
  model.find_lengths();
  int outputs = 0, gates = 0;
  for (int layer = 0; layer < job.layer_count; ++layer) {
    const LayerPlaces& to = job.layers[layer];
    const int rows = layer == 0 ? model.first_layer_rows() : model.later_rows();
    const int windows = model.find_windows(to, layer == 0, shared);
    model.find_outputs(to, rows, layer + 1 == job.layer_count, outputs, gates);
    __syncthreads();
    model.find_steps(to, shared.count);
    model.every_position(to, windows);
    if (threadIdx.x == 0) {
      put_count(to.rows, m, rows), put_count(to.windows, m, windows), put_count(to.outputs, m, outputs), put_count(to.gates, m, gates);
      if (to.walks) to.walks[m].sequences = sequences, to.walks[m].shared = shared.count;
      if (to.every_walks) to.every_walks[m].sequences = sequences, to.every_walks[m].shared = 0;
    }
    __syncthreads();
  }
  if (threadIdx.x == 0) job.draws[m].begin += job.draws[m].batch, job.draws[m].scored += outputs;
}

void lay_out_on_device(const LayoutJob& job) {
  const std::int64_t M = job.drawn.models, S = job.drawn.sequences, T = job.drawn.T, P = S * T;
  Rooms rooms{{}, S, P, std::max<std::int64_t>(P, job.vocab * (job.first_rows == FirstRows::pairs ? T : 1)), 1, T};
  while (rooms.slots < 2 * P + 2) rooms.slots *= 2;
  kernels::cuda::Workspace workspace;
  for (int i = 0; i < 2; ++i) workspace.want<std::int32_t>(M * (S + 1)).want<std::int32_t>(M * rooms.keys).want<std::int32_t>(M * T);
  for (int i = 0; i < 3; ++i) workspace.want<std::int32_t>(M * P);
  workspace.want<unsigned long long>(M * rooms.slots).want<std::int32_t>(M * rooms.slots).take();
  const auto get = [&](std::int64_t n) { return workspace.get<std::int32_t>(M * n); };
  Room& r = rooms.first;
  r.length = get(S + 1), r.starts = get(S + 1), r.row_at = get(P), r.window_at = get(P), r.mark = get(P);
  r.first = get(rooms.keys), r.rank_of = get(rooms.keys), r.crowded = get(T), r.crossing = get(T);
  r.hash_key = workspace.get<unsigned long long>(M * rooms.slots), r.hash_count = get(rooms.slots);
  const unsigned threads = static_cast<unsigned>(std::min<std::int64_t>(kMostThreads, kLanes * std::max<std::int64_t>(1, S)));
  kernels::cuda::launch<lay_out_models>(static_cast<unsigned>(M), threads, job, rooms);
}

}  // namespace phasegrid::worker
