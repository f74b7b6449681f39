// How kernels reach the tables of model m = blockIdx.y, and the loops over their numbers.
//
// Launches depend on capacities, which are fixed with the shape of a network; kernels ask the row counts of the batch. So a step
// is the same list of launches for every batch.
#pragma once
#include <cuda_runtime.h>

#include "kernels/rows.hpp"

#if defined(CUDA_ON_CPU)
#define PHASEGRID_UNROLL
#define PHASEGRID_UNROLL_SOME
#define PHASEGRID_KEEP_LOOP
#else
#define PHASEGRID_UNROLL _Pragma("unroll")
#define PHASEGRID_UNROLL_SOME _Pragma("unroll 4") // so that several loads are under way
#define PHASEGRID_KEEP_LOOP _Pragma("unroll 1")   // where unrolled copies would not fit into registers
#endif

namespace phasegrid::kernels::cuda {

constexpr int kThreads = 128;      // of a block of independent threads
constexpr int kMostBlocks = 1024;  // of one model; longer tables are walked in strides
constexpr unsigned kAllLanes = ~0u;

inline std::int64_t capacity(const Rows<float>& r) { return r.stride / r.width; }  // rows, at most
inline dim3 blocks_for(std::int64_t n, int models) {
  const std::int64_t blocks = (n + kThreads - 1) / kThreads;
  return {static_cast<unsigned>(blocks < 1             ? 1
                                : blocks > kMostBlocks ? kMostBlocks
                                                       : blocks),
          static_cast<unsigned>(models)};
}

__device__ inline float* value(const Rows<float>& r, int m) { return r.values + m * r.stride; }
__device__ inline float* grad(const Rows<float>& r, int m) { return r.grads + m * r.stride; }
__device__ inline float* value(const Parameter<float>& p, int m) { return p.values + m * p.stride; }
__device__ inline float* grad(const Parameter<float>& p, int m) { return p.grads + m * p.stride; }
__device__ inline int count(const Rows<float>& r, int m) { return r.count.data[m]; }

// i = first(); i < n; i += step(): the numbers of one model, dealt to all its threads.
__device__ inline std::int64_t first() { return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; }
__device__ inline std::int64_t step() { return static_cast<std::int64_t>(gridDim.x) * blockDim.x; }

// f(row, column, row * width + column) for the numbers of a table of one model. One division a thread: that of 64 bits is slow.
template <class F>
__device__ void each_number(std::int64_t rows, int width, F&& f) {
  const unsigned begin = blockIdx.x * blockDim.x + threadIdx.x, all = gridDim.x * blockDim.x;
  const int rows_on = static_cast<int>(all / width), columns_on = static_cast<int>(all % width);
  std::int64_t row = begin / width;
  for (int c = static_cast<int>(begin % width); row < rows; row += rows_on) {
    f(row, c, row * width + c);
    if ((c += columns_on) >= width) c -= width, ++row;
  }
}

// Who reads row `target` of a map: the mirror keeps, behind the M maps, M inverses: readers of row r are entries[starts[r]] ..
// entries[starts[r + 1] - 1], in ascending order. Gradients are summed by their owner in that order: no atomics.
struct Readers {
  const std::int32_t *begin, *end;
};
__device__ inline Readers readers(const Index& map, int models, int m, std::int64_t target) {
  const std::int32_t *starts = map.data[models + m], *entries = map.data[2 * models + m];
  return {entries + starts[target], entries + starts[target + 1]};
}

__device__ inline void put(float& to, float value, bool add) { to = add ? to + value : value; }

}  // namespace phasegrid::kernels::cuda
