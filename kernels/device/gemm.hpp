// A tile of a matrix product, C = A B, for the small shapes of our networks.
//
// A block of 64 threads makes a tile of 32 x 32, 4 x 4 numbers a thread, or of 64 x 32, 8 x 4 a thread, through shared memory 16
// deep. Every number of C is one chain of additions over k in ascending order, whatever the tile: its bits depend on nothing but
// its row of A and column of B.
#pragma once
#include "kernels/device/access.hpp"

namespace phasegrid::kernels::cuda {

constexpr int kTile = 32, kDepth = 16, kGemmThreads = 64, kPart = 4;
constexpr int kGemmBlocks = 7;  // of one multiprocessor, at least: bounds the registers of a thread
constexpr int tiles_of(std::int64_t n, int tile = kTile) { return static_cast<int>((n + tile - 1) / tile); }

// (i, k) is p[i * row + k * column]; zero outside of rows x columns.
struct Matrix {
  const float* p;
  std::int64_t row, column;
  int rows, columns;
};

// part: rows of a thread; a tile has 8 of these.
template <int part>
struct GemmSharedOf {
  alignas(16) float a[kDepth][8 * part + 4], b[kDepth][kTile + 4];  // + 4: fewer columns fall into one bank
};
template <int part>
using TileSumsOf = float[part][kPart];  // of one thread; each_of_tile() says which numbers of the tile they are
using GemmShared = GemmSharedOf<kPart>;
using TileSums = TileSumsOf<kPart>;

// f(i, j, sum) for every number of the tile at (i0, j0) that this thread has.
template <int part, class F>
__device__ void each_of_tile(int i0, int j0, float (&sums)[part][kPart], F&& f) {
  const int ti = i0 + threadIdx.x / 8 * part, tj = j0 + threadIdx.x % 8;
  PHASEGRID_UNROLL
  for (int i = 0; i < part; ++i) PHASEGRID_UNROLL
  for (int j = 0; j < kPart; ++j) f(ti + i, tj + 8 * j, sums[i][j]);
}
template <int part>
__device__ void clear(float (&sums)[part][kPart]) {
  each_of_tile(0, 0, sums, [](int, int, float& sum) { sum = 0; });
}

// What a thread brings of a matrix for the next kDepth of k: where neighbouring numbers lie next to each other, neighbouring
// threads load them. `tile` of its rows (of A) or columns (of B).
template <bool k_inner, int tile>
struct GemmLoad {
  static constexpr int kNumbers = kDepth * tile / kGemmThreads;
  static constexpr int kRows = k_inner ? kGemmThreads / kDepth : 0, kSteps = k_inner ? 0 : kGemmThreads / tile;  // apart
  const float* from;
  std::int64_t next, part;  // from one stretch of k to the next; from one of this thread's numbers to the next
  int k, i, last;           // of its first number; rows past `last` are zero
  float numbers[kNumbers];

  __device__ GemmLoad(const float* p, std::int64_t row, std::int64_t column, int i0, int rows, int k_begin)
      : next(kDepth * column),
        part(k_inner ? kRows * row : kSteps * column),
        k(k_inner ? threadIdx.x % kDepth : threadIdx.x / tile),
        i(k_inner ? threadIdx.x / kDepth : threadIdx.x % tile),
        last(rows - i0 - i) {
    from = p + (i0 + i) * row + (k_begin + k) * column;
  }
  __device__ void load(int left) {  // of k
    PHASEGRID_UNROLL
    for (int n = 0; n < kNumbers; ++n) numbers[n] = kRows * n < last && k + kSteps * n < left ? from[n * part] : 0;
    from += next;
  }
  template <int width>
  __device__ void store(float (&to)[kDepth][width]) const {
    PHASEGRID_UNROLL
    for (int n = 0; n < kNumbers; ++n) to[k + kSteps * n][i + kRows * n] = numbers[n];
  }
};

// Adds A B over k in [k_begin, k_end), with the next numbers under way while those at hand are multiplied. Neighbouring k lie
// next to each other where k_inner says so. Ends with a barrier; what other threads wrote of A and B has to be there.
template <bool a_k_inner, bool b_k_inner, int part>
__device__ void gemm_add(GemmSharedOf<part>& shared, const Matrix& A, const Matrix& B, int i0, int j0, int k_begin,
                         int k_end, float (&sum)[part][kPart]) {
  const int ti = threadIdx.x / 8 * part, tj = threadIdx.x % 8;
  GemmLoad<a_k_inner, 8 * part> a(A.p, A.row, A.column, i0, A.rows, k_begin);
  GemmLoad<b_k_inner, kTile> b(B.p, B.column, B.row, j0, B.columns, k_begin);
  a.load(k_end - k_begin), b.load(k_end - k_begin);
  PHASEGRID_KEEP_LOOP
  for (int k0 = k_begin; k0 < k_end; k0 += kDepth) {
    a.store(shared.a), b.store(shared.b);
    __syncthreads();
    if (k0 + kDepth < k_end) a.load(k_end - k0 - kDepth), b.load(k_end - k0 - kDepth);
    PHASEGRID_UNROLL
    for (int k = 0; k < kDepth; ++k) {
      float from_a[part];
      PHASEGRID_UNROLL
      for (int i = 0; i < part; i += 4) {
        const float4 four = *reinterpret_cast<const float4*>(&shared.a[k][ti + i]);
        from_a[i] = four.x, from_a[i + 1] = four.y, from_a[i + 2] = four.z, from_a[i + 3] = four.w;
      }
      PHASEGRID_UNROLL
      for (int i = 0; i < part; ++i) PHASEGRID_UNROLL
      for (int j = 0; j < kPart; ++j) sum[i][j] += from_a[i] * shared.b[k][tj + 8 * j];
    }
    __syncthreads();
  }
}

// store(i, j, sum) for every number of the tile at (i0, j0) inside C, over k in [k_begin, k_end).
template <bool a_k_inner, bool b_k_inner, int part, class Store>
__device__ void gemm_tile(const Matrix& A, const Matrix& B, int i0, int j0, int k_begin, int k_end, Store&& store) {
  __shared__ GemmSharedOf<part> shared;
  TileSumsOf<part> sums;
  clear(sums);
  gemm_add<a_k_inner, b_k_inner>(shared, A, B, i0, j0, k_begin, k_end, sums);
  each_of_tile(i0, j0, sums, store);
}

}  // namespace phasegrid::kernels::cuda
