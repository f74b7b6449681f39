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

// True in the last block to arrive of those that share a ticket, which finds what the others wrote before they arrived. All
// threads of a block come here together.
__device__ inline bool arrives_last(unsigned* ticket, unsigned blocks) {
  __shared__ bool last;
  __threadfence();
  __syncthreads();
  if (threadIdx.x + threadIdx.y == 0) {
    last = atomicAdd(ticket, 1u) + 1 == blocks;
    if (last) *ticket = 0;
  }
  __syncthreads();
  if (last) __threadfence();
  return last;
}

// Column sums: a block takes 32 columns of a chunk of rows and deals these to 8 threads each; their sums are joined in order, and
// the sums of chunks by the last block.
constexpr int kColumns = 32, kSlices = 8, kSumRows = 256;

inline dim3 column_blocks(int width, int models) {
  return {static_cast<unsigned>((width + kColumns - 1) / kColumns), static_cast<unsigned>(models)};
}
inline dim3 column_threads() { return {kColumns, kSlices}; }

struct ColumnSums {  // how the blocks of a launch meet
  float* parts;      // [model][chunk][n][width]
  unsigned* tickets; // [model][columns / 32]
};

template <auto kernel, class... A>
void launch_column_sums(int n, int width, int models, std::int64_t most_rows, const A&... arguments) {
  dim3 blocks = column_blocks(width, models);
  blocks.z = most_rows > kSumRows ? static_cast<unsigned>((most_rows + kSumRows - 1) / kSumRows) : 1;
  ColumnSums sums{};
  if (blocks.z > 1) {
    const std::int64_t size = static_cast<std::int64_t>(blocks.x) * models * blocks.z * n * kColumns;
    sums.parts = static_cast<float*>(queue().sums(static_cast<std::size_t>(size) * sizeof(float)));
    sums.tickets = queue().tickets(static_cast<std::int64_t>(blocks.x) * models);
  }
  launch<kernel>(blocks, column_threads(), arguments..., sums);
}

// The sums of a block's slices, in slice 0.
template <int n>
__device__ void join_slices(float (&shared)[n][kSlices][kColumns], float (&sums)[n]) {
  PHASEGRID_UNROLL
  for (int i = 0; i < n; ++i) shared[i][threadIdx.y][threadIdx.x] = sums[i];
  __syncthreads();
  for (int other = 1; threadIdx.y == 0 && other < kSlices; ++other) PHASEGRID_UNROLL
  for (int i = 0; i < n; ++i) sums[i] += shared[i][other][threadIdx.x];
}

// f(row, column, sums) adds the `n` terms of one number; write(column, sums) takes the totals. With no rows nothing is written.
template <int n, class F, class Write>
__device__ void column_sums(int rows, int columns, const ColumnSums& meet, F&& f, Write&& write) {
  __shared__ float shared[n][kSlices][kColumns];
  const int c = blockIdx.x * kColumns + threadIdx.x, slice = threadIdx.y, chunks = (rows + kSumRows - 1) / kSumRows;
  const int begin = blockIdx.z * kSumRows, end = begin + kSumRows < rows ? begin + kSumRows : rows;
  if (begin >= end) return;
  float sums[n] = {};
  PHASEGRID_UNROLL_SOME
  for (int r = begin + slice; r < end; r += kSlices)
    if (c < columns) f(r, c, sums);
  join_slices(shared, sums);
  if (chunks > 1) {
    const std::int64_t width = static_cast<std::int64_t>(gridDim.x) * kColumns;
    float* parts = meet.parts + blockIdx.y * gridDim.z * n * width + c;
    PHASEGRID_UNROLL
    for (int i = 0; slice == 0 && i < n; ++i) parts[(blockIdx.z * n + i) * width] = sums[i];
    if (!arrives_last(&meet.tickets[blockIdx.y * gridDim.x + blockIdx.x], chunks)) return;
    PHASEGRID_UNROLL
    for (int i = 0; i < n; ++i) {
      sums[i] = 0;
      for (int chunk = slice; chunk < chunks; chunk += kSlices) sums[i] += parts[(chunk * n + i) * width];
    }
    join_slices(shared, sums);
  }
  if (slice == 0 && c < columns) write(c, sums);
}

}  // namespace phasegrid::kernels::cuda
