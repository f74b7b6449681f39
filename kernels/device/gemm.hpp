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
  PHASEGRID_UNROLL
  for (int i = 0; i < kPart; ++i) PHASEGRID_UNROLL
  for (int j = 0; j < kPart; ++j) store(i0 + ti + i, j0 + tj + 8 * j, sum[i][j]);
}

}  // namespace phasegrid::kernels::cuda
