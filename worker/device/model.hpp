// The batch of one model while it is laid out, and its rows; worker/device/layout.cu says how this works.
#pragma once
#include "worker/device/layout.hpp"
#include "worker/device/ranks.hpp"

namespace phasegrid::worker {

using kernels::cuda::kAllLanes;

constexpr int kNever = 0x7fffffff;

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
__device__ Number* of_model(Number* first, std::int64_t each, int m) {
  return first + each * m;
}
__device__ inline Room room_of(const Rooms& all, int m) {
  const Room& r = all.first;
  return {of_model(r.length, all.sequences + 1, m), of_model(r.starts, all.sequences + 1, m), of_model(r.row_at, all.positions, m),
          of_model(r.window_at, all.positions, m), of_model(r.mark, all.positions, m), of_model(r.first, all.keys, m),
          of_model(r.rank_of, all.keys, m), of_model(r.crowded, all.T, m), of_model(r.crossing, all.T, m),
          of_model(r.hash_key, all.slots, m), of_model(r.hash_count, all.slots, m)};
}

// A map of one model, or nothing.
struct Map {
  std::int32_t* to;
  __device__ Map(std::int32_t* const* table, int m) : to(table ? table[m] : nullptr) {}
  __device__ void put(int i, std::int32_t value) const {
    if (to) to[i] = value;
  }
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

  __device__ void copy_starts(const kernels::Walk* walks, const std::int32_t* kernels::Walk::*place, int more) const {
    if (!walks) return;
    std::int32_t* to = const_cast<std::int32_t*>(walks[m].*place);
    for (int s = threadIdx.x; s <= all.count; s += blockDim.x) to[s] = room.starts[s] + more;
  }
};

}  // namespace phasegrid::worker
