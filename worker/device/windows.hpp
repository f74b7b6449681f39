// The windows of a layer: which of them are shared, and where every position's is.
#pragma once
#include "worker/device/model.hpp"

namespace phasegrid::worker {

constexpr unsigned long long kNoKey = ~0ull;

struct Shared {
  int crowds, count, at[kernels::kMostShared], slot[kernels::kMostShared];  // count windows, first seen at these positions
};

__device__ inline int slot_of(const Model& x, unsigned long long key) {
  const unsigned mask = static_cast<unsigned>(x.rooms.slots) - 1;
  for (unsigned i = static_cast<unsigned>(key * 0x9E3779B97F4A7C15ull >> 32) & mask;; i = (i + 1) & mask) {
    const unsigned long long there = atomicCAS(x.room.hash_key + i, kNoKey, key);
    if (there == kNoKey || there == key) return static_cast<int>(i);
  }
}

// How often each window of whole tokens occurs, in a hash table; the slot of every position's window.
__device__ inline void count_windows(const Model& x) {
  for (int i = threadIdx.x; i < x.rooms.slots; i += blockDim.x) x.room.hash_key[i] = kNoKey, x.room.hash_count[i] = 0;
  __syncthreads();
  x.all.each([&](int, int t, int p, bool exists) {
    const bool whole = exists && t >= x.job.taps - 1;
    unsigned long long key = kNoKey;
    if (whole) key = 0;
    for (int j = 0; whole && j < x.job.taps; ++j) key = key * (static_cast<unsigned>(x.job.vocab) + 1) + static_cast<unsigned>(x.tokens[p - j]);
    const unsigned same = __match_any_sync(kAllLanes, key);  // a run of filler asks once
    const int asks = __ffs(static_cast<int>(same)) - 1;
    int slot = -1;
    if (whole && x.all.lane() == asks) slot = slot_of(x, key), atomicAdd(x.room.hash_count + slot, __popc(same));
    slot = __shfl_sync(kAllLanes, slot, asks);
    if (exists) x.room.mark[p] = slot;
  });
  __syncthreads();
}

// Where the n-th window of a slot stands: asked by a warp.
__device__ inline int position_of(const Model& x, int slot, int n) {
  for (int s = 0; s < x.all.count; ++s)
    for (int t0 = 0; t0 < x.all.length[s]; t0 += kLanes) {
      const int t = t0 + x.all.lane();
      unsigned hits = __ballot_sync(kAllLanes, t < x.all.length[s] && x.room.mark[s * x.all.T + t] == slot);
      const int here = __popc(hits);
      if (here < n) {
        n -= here;
        continue;
      }
      for (; n > 1; --n) hits &= hits - 1;
      return s * x.all.T + t0 + __ffs(static_cast<int>(hits)) - 1;
    }
  return kNever;
}

// Windows that occur more often than there are sequences, in the order in which that is noticed; the first few are shared.
__device__ inline void share_windows(const Model& x, Shared& shared) {
  if (threadIdx.x == 0) shared.crowds = shared.count = 0;
  __syncthreads();
  if (!x.job.shared_windows) return;
  count_windows(x);
  for (int i = threadIdx.x; i < x.rooms.slots; i += blockDim.x)
    if (x.room.hash_count[i] > x.all.count) x.room.crowded[atomicAdd(&shared.crowds, 1)] = i;
  __syncthreads();
  for (int c = x.all.warp(); c < shared.crowds; c += x.all.warps()) {
    const int p = position_of(x, x.room.crowded[c], x.all.count + 1);
    if (x.all.lane() == 0) x.room.crossing[c] = p;
  }
  __syncthreads();
  if (threadIdx.x > 0) return;
  int count = 0;
  for (int last = -1; count < kernels::kMostShared && count < shared.crowds; ++count) {
    int least = kNever;
    for (int c = 0; c < shared.crowds; ++c)
      if (x.room.crossing[c] > last && x.room.crossing[c] < least) least = x.room.crossing[c];
    shared.at[count] = last = least, shared.slot[count] = x.room.mark[least];
  }
  shared.count = count;
}

__device__ inline void write_window(const Model& x, const LayerPlaces& to, int window, int t, int p) {
  const Map map(to.window, x.m), input(to.window_input, x.m);
  for (int j = 0; j < x.job.taps; ++j) map.put(window * x.job.taps + j, t >= j ? x.room.row_at[p - j] : -1);
  input.put(window, x.room.row_at[p]);
}

// Shared windows first, then one for every other position. Returns how many.
__device__ inline int find_windows(const Model& x, const LayerPlaces& to, bool first_layer, Shared& shared) {
  if (first_layer) share_windows(x, shared);
  else if (threadIdx.x == 0) shared.count = 0;
  __syncthreads();
  const int count = shared.count;
  x.all.each([&](int, int, int p, bool exists) {
    if (!exists) return;
    x.room.window_at[p] = -1;
    for (int i = 0; i < count; ++i)
      if (x.room.mark[p] == shared.slot[i]) x.room.window_at[p] = i;
  });
  if (threadIdx.x < static_cast<unsigned>(count)) write_window(x, to, threadIdx.x, shared.at[threadIdx.x] % x.all.T, shared.at[threadIdx.x]);
  __syncthreads();
  const int own = deal_numbers(
      x.all, x.room.starts, [&](int, int, int p, bool exists) { return exists && x.room.window_at[p] < 0 ? 1 : 0; },
      [&](int, int t, int p, int rank, int) {
        x.room.window_at[p] = count + rank;
        write_window(x, to, count + rank, t, p);
      });
  x.copy_starts(to.walks, &kernels::Walk::first_row, count);
  if (x.job.reordered)
    for (const auto place : {&kernels::Walk::first_step, &kernels::Walk::first_row, &kernels::Walk::first_output})
      x.copy_starts(to.every_walks, place, count);
  __syncthreads();
  return count + own;
}

}  // namespace phasegrid::worker
