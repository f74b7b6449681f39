// Positions of a batch in order, sequence by sequence, and the numbers that each of them gets: by one block, its warps dealing with a
// sequence each.
#pragma once
#include "kernels/device/access.hpp"
#include "kernels/device/queue.hpp"

namespace phasegrid::worker {

constexpr int kLanes = 32;

struct Sequences {
  int count, T;
  const std::int32_t* length;  // [count]: positions from there on do not exist

  __device__ int warps() const { return blockDim.x / kLanes; }
  __device__ int warp() const { return threadIdx.x / kLanes; }
  __device__ int lane() const { return threadIdx.x % kLanes; }

  // f(s, t, p, exists), p = s T + t: all lanes of a warp at once, the last of a sequence with exists = false, too.
  template <class F>
  __device__ void each(F&& f) const {
    for (int s = warp(); s < count; s += warps())
      for (int t0 = 0; t0 < length[s]; t0 += kLanes) {
        const int t = t0 + lane();
        f(s, t, s * T + t, t < length[s]);
      }
  }
};

// The sum of v over the lanes up to this one.
__device__ inline int up_to_here(int v) {
  const int lane = threadIdx.x % kLanes;
  if (__ballot_sync(kernels::cuda::kAllLanes, v > 1) == 0)  // mostly so
    return __popc(__ballot_sync(kernels::cuda::kAllLanes, v == 1) & (~0u >> (kLanes - 1 - lane)));
  PHASEGRID_UNROLL
  for (int distance = 1; distance < kLanes; distance *= 2) {
    const int other = __shfl_up_sync(kernels::cuda::kAllLanes, v, distance);
    if (lane >= distance) v += other;
  }
  return v;
}
__device__ inline int of_last_lane(int v) { return __shfl_sync(kernels::cuda::kAllLanes, v, kLanes - 1); }

// Every position gets size(s, t, p, exists) numbers, in order; then write(s, t, p, first of them, how many) is called for those that
// get any. starts[s], s <= count: the first number of sequence s. `size` is called twice for each position, by all lanes of a warp at
// once. Returns how many there are in all; nobody has waited for the writers.
template <class Size, class Write>
__device__ int deal_numbers(const Sequences& all, std::int32_t* starts, Size&& size, Write&& write) {
  const int lane = all.lane();
  for (int s = all.warp(); s < all.count; s += all.warps()) {
    int sum = 0;
    for (int t0 = 0; t0 < all.length[s]; t0 += kLanes) {
      const int t = t0 + lane;
      sum += of_last_lane(up_to_here(size(s, t, s * all.T + t, t < all.length[s])));
    }
    if (lane == 0) starts[s] = sum;
  }
  __syncthreads();
  if (all.warp() == 0) {
    int before = 0;
    for (int s0 = 0; s0 < all.count; s0 += kLanes) {
      const int own = s0 + lane < all.count ? starts[s0 + lane] : 0, sum = up_to_here(own);
      if (s0 + lane < all.count) starts[s0 + lane] = before + sum - own;
      before += of_last_lane(sum);
    }
    if (lane == 0) starts[all.count] = before;
  }
  __syncthreads();
  for (int s = all.warp(); s < all.count; s += all.warps()) {
    int next = starts[s];
    for (int t0 = 0; t0 < all.length[s]; t0 += kLanes) {
      const int t = t0 + lane, p = s * all.T + t, own = size(s, t, p, t < all.length[s]), sum = up_to_here(own);
      if (own > 0) write(s, t, p, next + sum - own, own);
      next += of_last_lane(sum);
    }
  }
  return starts[all.count];
}

}  // namespace phasegrid::worker
