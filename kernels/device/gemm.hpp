// A tile of a matrix product, C = A B, for the small shapes of our networks.
//
// A block makes a tile of 32 x 32 through shared memory: 64 threads 4 x 4 numbers each, 16 deep, or 128 threads 4 x 2 each, 32 deep:
// quicker where there are few tiles. Every number of C is one chain of additions over k in ascending order, whatever the tile:
// its bits depend on nothing but its row of A and column of B.
#pragma once
#include "kernels/device/access.hpp"

namespace phasegrid::kernels::cuda {

constexpr int kTile = 32, kPart = 4;  // rows of a thread; `columns` of a thread are 4 or 2
template <int columns>
constexpr int kGemmThreadsOf = kTile * kTile / kPart / columns;
template <int columns>
constexpr int kGemmDepthOf = 64 / columns;
constexpr int kGemmThreads = kGemmThreadsOf<kPart>;
constexpr int kGemmBlocks = 8;  // of one multiprocessor, at least: bounds the registers of a thread
inline int tiles_of(std::int64_t n) { return static_cast<int>((n + kTile - 1) / kTile); }

// (i, k) is p[i * row + k * column]; zero outside of rows x columns.
struct Matrix {
  const float* p;
  std::int64_t row, column;
  int rows, columns;
};

template <int columns>
struct GemmSharedOf {
  static constexpr int kWidth = kTile + 4;  // fewer numbers of a column fall into one bank
  alignas(16) float a[kGemmDepthOf<columns>][kWidth], b[kGemmDepthOf<columns>][kWidth];
};
template <int columns>
using TileSumsOf = float[kPart][columns];  // of one thread; each_of_tile() says which numbers of the tile they are
using GemmShared = GemmSharedOf<kPart>;
using TileSums = TileSumsOf<kPart>;

// f(i, j, sum) for every number of the tile at (i0, j0) that this thread has.
template <int columns, class F>
__device__ void each_of_tile(int i0, int j0, float (&sums)[kPart][columns], F&& f) {
  constexpr int across = kTile / columns;
  const int ti = i0 + threadIdx.x / across * kPart, tj = j0 + threadIdx.x % across;
  PHASEGRID_UNROLL
  for (int i = 0; i < kPart; ++i) PHASEGRID_UNROLL
  for (int j = 0; j < columns; ++j) f(ti + i, tj + across * j, sums[i][j]);
}
template <int columns>
__device__ void clear(float (&sums)[kPart][columns]) {
  each_of_tile(0, 0, sums, [](int, int, float& sum) { sum = 0; });
}

// What a thread brings of a matrix for the next stretch of k: where neighbouring numbers lie next to each other, neighbouring
// threads load them. i: rows of A, columns of B.
template <bool k_inner, int columns>
struct GemmLoad {
  static constexpr int kDepth = kGemmDepthOf<columns>, kThreads = kGemmThreadsOf<columns>, kNumbers = kDepth * kTile / kThreads;
  static constexpr int kRows = k_inner ? kThreads / kDepth : 0, kSteps = k_inner ? 0 : kThreads / kTile;  // apart
  const float* from;
  std::int64_t next, part;  // from one stretch of k to the next; from one of this thread's numbers to the next
  int k, i, last;           // of its first number; rows past `last` are zero
  float numbers[kNumbers];

  __device__ GemmLoad(const float* p, std::int64_t row, std::int64_t column, int i0, int rows, int k_begin)
      : next(kDepth * column),
        part(k_inner ? kRows * row : kSteps * column),
        k(k_inner ? threadIdx.x % kDepth : threadIdx.x / kTile),
        i(k_inner ? threadIdx.x / kDepth : threadIdx.x % kTile),
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
template <bool a_k_inner, bool b_k_inner, int columns>
__device__ void gemm_add(GemmSharedOf<columns>& shared, const Matrix& A, const Matrix& B, int i0, int j0, int k_begin,
                         int k_end, float (&sum)[kPart][columns]) {
  constexpr int across = kTile / columns, depth = kGemmDepthOf<columns>;
  const int ti = threadIdx.x / across * kPart, tj = threadIdx.x % across;
  GemmLoad<a_k_inner, columns> a(A.p, A.row, A.column, i0, A.rows, k_begin);
  GemmLoad<b_k_inner, columns> b(B.p, B.column, B.row, j0, B.columns, k_begin);
  a.load(k_end - k_begin), b.load(k_end - k_begin);
  PHASEGRID_KEEP_LOOP
  for (int k0 = k_begin; k0 < k_end; k0 += depth) {
    a.store(shared.a), b.store(shared.b);
    __syncthreads();
    if (k0 + depth < k_end) a.load(k_end - k0 - depth), b.load(k_end - k0 - depth);
    PHASEGRID_UNROLL
    for (int k = 0; k < depth; ++k) {
      const float4 four = *reinterpret_cast<const float4*>(&shared.a[k][ti]);
      const float from_a[] = {four.x, four.y, four.z, four.w};
      PHASEGRID_UNROLL
      for (int i = 0; i < kPart; ++i) PHASEGRID_UNROLL
      for (int j = 0; j < columns; ++j) sum[i][j] += from_a[i] * shared.b[k][tj + across * j];
    }
    __syncthreads();
  }
}

// store(i, j, sum) for every number of the tile at (i0, j0) inside C, over k in [k_begin, k_end).
template <bool a_k_inner, bool b_k_inner, int columns, class Store>
__device__ void gemm_tile(const Matrix& A, const Matrix& B, int i0, int j0, int k_begin, int k_end, Store&& store) {
  __shared__ GemmSharedOf<columns> shared;
  TileSumsOf<columns> sums;
  clear(sums);
  gemm_add<a_k_inner, b_k_inner>(shared, A, B, i0, j0, k_begin, k_end, sums);
  each_of_tile(i0, j0, sums, store);
}

}  // namespace phasegrid::kernels::cuda
