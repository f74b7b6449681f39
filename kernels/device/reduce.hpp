// Sums whose order is a function of the shape of one model and of its own number of rows.
#pragma once
#include "kernels/device/access.hpp"
#include "kernels/device/queue.hpp"

namespace phasegrid::kernels::cuda {

__device__ inline int lane() { return threadIdx.x & 31; }

// Over the lanes of a warp; every lane has the result.
template <class T>
__device__ T warp_sum(T v) {
  PHASEGRID_UNROLL
  for (int d = 16; d > 0; d /= 2) v += __shfl_xor_sync(kAllLanes, v, d);
  return v;
}
__device__ inline float warp_max(float v) {
  PHASEGRID_UNROLL
  for (int d = 16; d > 0; d /= 2) v = fmaxf(v, __shfl_xor_sync(kAllLanes, v, d));
  return v;
}

// n sums over the lanes at once, n = 4 or 8: lanes trade halves, n - 1 shuffles instead of 5 n. Lane l gets sum number summed_by(l).
template <int n>
__device__ float warp_sums(float (&v)[n]) {
  int d = 16;
  PHASEGRID_UNROLL
  for (int half = n / 2; half > 0; half /= 2, d /= 2) {
    const bool upper = lane() & d;
    PHASEGRID_UNROLL
    for (int i = 0; i < half; ++i) {
      const float keep = upper ? v[i + half] : v[i], send = upper ? v[i] : v[i + half];
      v[i] = keep + __shfl_xor_sync(kAllLanes, send, d);
    }
  }
  float sum = v[0];
  PHASEGRID_UNROLL
  for (int rest = 16 / n; rest > 0; rest /= 2) sum += __shfl_xor_sync(kAllLanes, sum, rest);
  return sum;
}
template <int n>
__device__ int summed_by(int lane) {
  return lane / (32 / n);
}
template <int n>
__device__ bool writes(int lane) {
  return lane % (32 / n) == 0;
}

// Column sums: a block takes 32 columns and deals the rows to 8 threads each; their sums are joined in order.
// f(row, column, sums) adds the `n` terms of one number; write(column, sums) takes the totals.
constexpr int kColumns = 32, kSlices = 8;
inline dim3 column_blocks(int width, int models) {
  return {static_cast<unsigned>((width + kColumns - 1) / kColumns), static_cast<unsigned>(models)};
}
inline dim3 column_threads() { return {kColumns, kSlices}; }

template <int n, class F, class Write>
__device__ void column_sums(int rows, int columns, F&& f, Write&& write) {
  __shared__ float shared[n][kSlices][kColumns];
  const int c = blockIdx.x * kColumns + threadIdx.x, slice = threadIdx.y;
  float sums[n];
  PHASEGRID_UNROLL
  for (int i = 0; i < n; ++i) sums[i] = 0;
  for (int r = slice; c < columns && r < rows; r += kSlices) f(r, c, sums);
  PHASEGRID_UNROLL
  for (int i = 0; i < n; ++i) shared[i][slice][threadIdx.x] = sums[i];
  __syncthreads();
  if (slice > 0 || c >= columns) return;
  for (int other = 1; other < kSlices; ++other) PHASEGRID_UNROLL
  for (int i = 0; i < n; ++i) sums[i] += shared[i][other][threadIdx.x];
  write(c, sums);
}

}  // namespace phasegrid::kernels::cuda
