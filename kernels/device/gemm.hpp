// A tile of a matrix product, C = A B, for the small shapes of our networks.
//
// A block of 64 threads makes a tile of 32 x 32, 4 x 4 numbers a thread, through shared memory 16 deep. Every number of C is one
// chain of additions over k in ascending order, whatever the tile: its bits depend on nothing but its row of A and column of B.
#pragma once
#include "kernels/device/access.hpp"

namespace phasegrid::kernels::cuda {

constexpr int kTile = 32, kDepth = 16, kGemmThreads = 64, kPart = 4;
constexpr int kGemmBlocks = 10;  // of one multiprocessor, at least: bounds the registers of a thread
inline int tiles_of(std::int64_t n) { return static_cast<int>((n + kTile - 1) / kTile); }

// (i, k) is p[i * row + k * column]; zero outside of rows x columns.
struct Matrix {
  const float* p;
  std::int64_t row, column;
  int rows, columns;
};

// store(i, j, sum) for every number of the tile at (i0, j0) inside C, over k in [k_begin, k_end). Neighbouring threads load
// neighbouring k where k_inner says that those lie next to each other.
template <bool a_k_inner, bool b_k_inner, class Store>
__device__ void gemm_tile(const Matrix& A, const Matrix& B, int i0, int j0, int k_begin, int k_end, Store&& store) {
  __shared__ float a[kDepth][kTile + 1], b[kDepth][kTile + 1];  // + 1: columns fall into different banks
  const int t = threadIdx.x, ti = t / 8 * kPart, tj = t % 8;
  float sum[kPart][kPart];
  PHASEGRID_UNROLL
  for (int i = 0; i < kPart; ++i) PHASEGRID_UNROLL
  for (int j = 0; j < kPart; ++j) sum[i][j] = 0;
  for (int k0 = k_begin; k0 < k_end; k0 += kDepth) {
    PHASEGRID_UNROLL
    for (int part = 0; part < kDepth * kTile / kGemmThreads; ++part) {
      const int e = part * kGemmThreads + t;
      const int ak = a_k_inner ? e % kDepth : e / kTile, ai = a_k_inner ? e / kDepth : e % kTile;
      const int bk = b_k_inner ? e % kDepth : e / kTile, bj = b_k_inner ? e / kDepth : e % kTile;
      a[ak][ai] = i0 + ai < A.rows && k0 + ak < k_end ? A.p[(i0 + ai) * A.row + (k0 + ak) * A.column] : 0;
      b[bk][bj] = j0 + bj < B.columns && k0 + bk < k_end ? B.p[(k0 + bk) * B.row + (j0 + bj) * B.column] : 0;
    }
    __syncthreads();
    PHASEGRID_UNROLL
    for (int k = 0; k < kDepth; ++k) PHASEGRID_UNROLL
    for (int i = 0; i < kPart; ++i) PHASEGRID_UNROLL
    for (int j = 0; j < kPart; ++j) sum[i][j] += a[k][ti + i] * b[k][tj + 8 * j];
    __syncthreads();
  }
  PHASEGRID_UNROLL
  for (int i = 0; i < kPart; ++i) PHASEGRID_UNROLL
  for (int j = 0; j < kPart; ++j) store(i0 + ti + i, j0 + tj + 8 * j, sum[i][j]);
}

}  // namespace phasegrid::kernels::cuda
