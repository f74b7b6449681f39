// A tile of a matrix product, C = A B, for the small shapes of our networks.
//
// A block of 64 threads makes a tile of 32 x 32, 4 x 4 numbers a thread, through shared memory 16 deep. Every number of C is one
// chain of additions over k in ascending order, whatever the tile: its bits depend on nothing but its row of A and column of B.
#pragma once
#include "kernels/device/access.hpp"

namespace phasegrid::kernels::cuda {

constexpr int kTile = 32, kDepth = 16, kGemmThreads = 64, kPart = 4;
constexpr int kGemmBlocks = 8;  // of one multiprocessor, at least: bounds the registers of a thread
inline int tiles_of(std::int64_t n) { return static_cast<int>((n + kTile - 1) / kTile); }

// (i, k) is p[i * row + k * column]; zero outside of rows x columns.
struct Matrix {
  const float* p;
  std::int64_t row, column;
  int rows, columns;
};

struct GemmShared {
  float a[kDepth][kTile + 1], b[kDepth][kTile + 1];  // + 1: columns fall into different banks
};
using TileSums = float[kPart][kPart];  // of one thread; each_of_tile() says which numbers of the tile they are

// f(i, j, sum) for every number of the tile at (i0, j0) that this thread has.
template <class F>
__device__ void each_of_tile(int i0, int j0, TileSums& sums, F&& f) {
  const int ti = i0 + threadIdx.x / 8 * kPart, tj = j0 + threadIdx.x % 8;
  PHASEGRID_UNROLL
  for (int i = 0; i < kPart; ++i) PHASEGRID_UNROLL
  for (int j = 0; j < kPart; ++j) f(ti + i, tj + 8 * j, sums[i][j]);
}
__device__ inline void clear(TileSums& sums) {
  each_of_tile(0, 0, sums, [](int, int, float& sum) { sum = 0; });
}

// Adds A B over k in [k_begin, k_end). Neighbouring threads load neighbouring k where k_inner says that those lie next to each
// other. Ends with a barrier; what other threads wrote of A and B has to be there.
template <bool a_k_inner, bool b_k_inner>
__device__ void gemm_add(GemmShared& shared, const Matrix& A, const Matrix& B, int i0, int j0, int k_begin, int k_end, TileSums& sum) {
  auto &a = shared.a, &b = shared.b;
  const int t = threadIdx.x, ti = t / 8 * kPart, tj = t % 8;
  // Each thread loads every fourth row of a tile (k inner) or every second k, from where `from_a` and `from_b` point.
  const int ak = a_k_inner ? t % kDepth : t / kTile, ai = a_k_inner ? t / kDepth : t % kTile;
  const int bk = b_k_inner ? t % kDepth : t / kTile, bj = b_k_inner ? t / kDepth : t % kTile;
  const std::int64_t a_step = a_k_inner ? 4 * A.row : 2 * A.column, b_step = b_k_inner ? 4 * B.column : 2 * B.row;
  PHASEGRID_KEEP_LOOP
  for (int k0 = k_begin; k0 < k_end; k0 += kDepth) {
    const float* from_a = A.p + (i0 + ai) * A.row + (k0 + ak) * A.column;
    const float* from_b = B.p + (k0 + bk) * B.row + (j0 + bj) * B.column;
    PHASEGRID_UNROLL
    for (int part = 0; part < kDepth * kTile / kGemmThreads; ++part, from_a += a_step, from_b += b_step) {
      const int k_a = a_k_inner ? ak : ak + 2 * part, i = a_k_inner ? ai + 4 * part : ai;
      const int k_b = b_k_inner ? bk : bk + 2 * part, j = b_k_inner ? bj + 4 * part : bj;
      a[k_a][i] = i0 + i < A.rows && k0 + k_a < k_end ? *from_a : 0;
      b[k_b][j] = j0 + j < B.columns && k0 + k_b < k_end ? *from_b : 0;
    }
    __syncthreads();
    PHASEGRID_UNROLL
    for (int k = 0; k < kDepth; ++k) PHASEGRID_UNROLL
    for (int i = 0; i < kPart; ++i) PHASEGRID_UNROLL
    for (int j = 0; j < kPart; ++j) sum[i][j] += a[k][ti + i] * b[k][tj + 8 * j];
    __syncthreads();
  }
}

// store(i, j, sum) for every number of the tile at (i0, j0) inside C, over k in [k_begin, k_end).
template <bool a_k_inner, bool b_k_inner, class Store>
__device__ void gemm_tile(const Matrix& A, const Matrix& B, int i0, int j0, int k_begin, int k_end, Store&& store) {
  __shared__ GemmShared shared;
  TileSums sums;
  clear(sums);
  gemm_add<a_k_inner, b_k_inner>(shared, A, B, i0, j0, k_begin, k_end, sums);
  each_of_tile(i0, j0, sums, store);
}

}  // namespace phasegrid::kernels::cuda
