// A small matrix product, C (+)= A B, and a transposition, for operands that fit in the second-level cache.
//
// Chosen by measuring against oneDNN, libxsmm and Eigen on the shapes of our networks (docs/performance.md): without packing
// it reaches their speed there, it exists in double, and the order of every sum is ours, whatever the number of rows.
#pragma once
#include "kernels/vec.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

// A tile of `rows` rows times `vectors` vectors of C stays in registers.
template <class Real, int rows, int vectors>
PHASEGRID_INLINE void gemm_tile(int K, const Real* A, std::int64_t row, std::int64_t column, const Real* B, std::int64_t ldb, Real* C,
                                std::int64_t ldc, bool add) {
  Vec<Real> c[rows * vectors];
  unrolled<rows * vectors>([&](auto i) PHASEGRID_LAMBDA { c[i] = Vec<Real>{}; });
  for (int k = 0; k < K; ++k, A += column, B += ldb)
    unrolled<rows>([&](auto i) PHASEGRID_LAMBDA {
      unrolled<vectors>([&](auto j) PHASEGRID_LAMBDA { c[i * vectors + j] += A[i * row] * at(B + j * kLanes); });
    });
  unrolled<rows * vectors>([&](auto i) PHASEGRID_LAMBDA {
    Vec<Real>& o = at(C + i / vectors * ldc + i % vectors * kLanes);
    o = add ? o + c[i] : c[i];
  });
}

constexpr int gemm_rows_of(int vectors) { return kLanes == 16 ? (vectors > 2 ? 6 : 12) : (vectors > 1 ? 4 : 8); }

template <class Real, int vectors, int rows = gemm_rows_of(vectors)>
void gemm_rows(int M, int K, const Real* A, std::int64_t row, std::int64_t column, const Real* B, std::int64_t ldb, Real* C,
               std::int64_t ldc, bool add) {
  for (; M >= rows; M -= rows, A += rows * row, C += rows * ldc)
    gemm_tile<Real, rows, vectors>(K, A, row, column, B, ldb, C, ldc, add);
  if constexpr (rows > 1)
    if (M > 0) gemm_rows<Real, vectors, rows - 1>(M, K, A, row, column, B, ldb, C, ldc, add);
}

// One panel of the depth, all columns of C, tile by tile.
template <class Real>
void gemm_columns(int M, int N, int K, const Real* A, std::int64_t row, std::int64_t column, const Real* B, std::int64_t ldb, Real* C,
                  std::int64_t ldc, bool add) {
  constexpr int most = kLanes == 16 ? 4 : 3;
  for (int j = 0; j < N;) {
    const int vectors = (N - j) / kLanes;
    const Real* b = B + j;
    Real* c = C + j;
    if (vectors >= most) gemm_rows<Real, most>(M, K, A, row, column, b, ldb, c, ldc, add), j += most * kLanes;
    else if (most > 3 && vectors == 3) gemm_rows<Real, 3>(M, K, A, row, column, b, ldb, c, ldc, add), j += 3 * kLanes;
    else if (vectors >= 2) gemm_rows<Real, 2>(M, K, A, row, column, b, ldb, c, ldc, add), j += 2 * kLanes;
    else gemm_rows<Real, 1>(M, K, A, row, column, b, ldb, c, ldc, add), j += kLanes;
  }
}

constexpr int kGemmDepth = 256;

// C (M, N) (+)= A (M, K) B (K, N). B and C are row-major with N a multiple of kPad; A(i, k) = A[i * row + k * column], so that
// A^T costs nothing extra. Panels of the depth keep B in the second-level cache; every sum runs over k in order whatever they are.
template <class Real>
void gemm(int M, int N, int K, const Real* A, std::int64_t row, std::int64_t column, const Real* B, std::int64_t ldb, Real* C,
          std::int64_t ldc, bool add) {
  if (K == 0 && !add)
    for (int i = 0; i < M; ++i) std::memset(C + i * ldc, 0, N * sizeof(Real));
  for (int k = 0; k < K; k += kGemmDepth, add = true)
    gemm_columns<Real>(M, N, K - k < kGemmDepth ? K - k : kGemmDepth, A + k * column, row, column, B + k * ldb, ldb, C, ldc, add);
}

// out (columns, ldo) = in^T, in (rows, ldi).
template <class Real>
void transpose(int rows, int columns, const Real* in, std::int64_t ldi, Real* out, std::int64_t ldo) {
  constexpr int kBlock = 16;
  for (int i0 = 0; i0 < rows; i0 += kBlock)
    for (int j0 = 0; j0 < columns; j0 += kBlock) {
      const int i1 = i0 + kBlock < rows ? i0 + kBlock : rows, j1 = j0 + kBlock < columns ? j0 + kBlock : columns;
      for (int j = j0; j < j1; ++j)
        for (int i = i0; i < i1; ++i) out[j * ldo + i] = in[i * ldi + j];
    }
}

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
