// One head of one sequence on the device: chunks of kSsdChunk steps as products of matrices, (5) to (7) of kernels/ssd/chunk.hpp.
//
// A block of 64 threads has a head of a sequence. A chunk is one tile of steps x steps in shared memory: rows q are the chunk's
// outputs, columns j its steps. States exist where chunks begin, (N, P) in the workspace.
#pragma once
#include "kernels/device/gemm.hpp"
#include "kernels/device/number.hpp"
#include "kernels/device/reduce.hpp"
#include "kernels/device/walks.hpp"
#include "kernels/ssd/ssd.hpp"

namespace phasegrid::kernels::cuda {

constexpr int kSsdChunk = kTile;  // whatever the chunk of the CPU: both agree up to rounding

// Tables in the workspace; steps are counted from the first of the model.
struct SsdTables {
  WalkRoom room;
  int chunks, P, N, heads, groups;
  std::int64_t outputs;
  float *X, *B;              // [M][steps][heads P], [M][steps][groups N]
  float *a, *w;              // [M][heads][steps]: decay and weight, (4) of kernels/ssd/decay.hpp
  float* h;                  // [M][S][heads][chunks][N][P]: states where chunks begin
  float* G;                  // [M][S][heads][N][P]: their adjoint
  float *d_X, *d_B, *d_C;    // [M][steps][heads P], [M][steps or outputs][heads N]
  float* d_delta;            // [M][steps][heads]
  float *d_A, *d_skip;       // [M][S][heads]

  __device__ std::int64_t head(int m, int s, int e) const { return (m * room.sequences + s) * heads + e; }
};

using SsdTile = float[kTile][kTile + 1];
struct SsdShared {
  GemmShared gemm;
  SsdTile S, L, E, X;        // X: a piece of x or dy, scaled
  float a[kTile], w[kTile], start[kTile], end[kTile];  // start[q] = l_q; end[j] = L_end,j
  float dot[kTile], before[kTile];                     // of the way back: E_end,j; E_q,before
  float start_end, sum;
  int output[kTile];         // of a step: its row in the chunk, or -1
};

// What a block works on.
struct SsdBlock {
  const Ssd<float>& op;
  const SsdTables& k;
  SsdShared& shared;
  int m, s, e, t;
  int first_step, steps;           // of the sequence
  int first, count, first_output, outputs;  // of the chunk; first counts from first_step
  bool before, after;              // is there a state at its borders?

  __device__ SsdBlock(const Ssd<float>& op, const SsdTables& k, SsdShared& shared)
      : op(op), k(k), shared(shared), m(blockIdx.z), s(blockIdx.y), e(blockIdx.x), t(threadIdx.x) {
    const Walk& walk = op.walks[m];
    first_step = walk.first_step[s], steps = walk.first_step[s + 1] - first_step;
  }
  __device__ int chunks() const { return (steps + kSsdChunk - 1) / kSsdChunk; }

  // Chunk `number`; its outputs begin, or if `backwards` end, at output `at` of the model.
  __device__ void choose(int number, int at, bool backwards) {
    first = number * kSsdChunk, count = steps - first < kSsdChunk ? steps - first : kSsdChunk;
    before = number > 0, after = first + count < steps;
    const std::int64_t place = (static_cast<std::int64_t>(m) * k.heads + e) * k.room.steps + first_step + first + t;
    __syncthreads();  // the chunk before is done with
    if (t < kTile) {
      shared.a[t] = t < count ? k.a[place] : 1, shared.w[t] = t < count ? k.w[place] : 0;
      shared.output[t] = t < count ? op.walks[m].steps[first_step + first + t].output : -1;
    }
    __syncthreads();
    outputs = 0;
    for (int i = 0; i < count; ++i) outputs += shared.output[i] >= 0;
    first_output = backwards ? at - outputs : at;
    __syncthreads();
    if (t < kTile && shared.output[t] >= 0) shared.output[t] -= first_output;
    __syncthreads();
    decays();
  }
  // L, l and L_end: a thread a column, products of the decays between.
  __device__ void decays() {
    if (t < kTile) {
      float L = 1;
      for (int q = 0; q < kTile; ++q) shared.L[q][t] = 0;
      for (int i = t; i < count; ++i) {
        if (i > t) L *= shared.a[i];
        if (shared.output[i] >= 0) shared.L[shared.output[i]][t] = L;
      }
      shared.end[t] = t < count ? L : 0;
    } else if (t == kTile) {
      float l = 1;
      for (int i = 0; i < count; ++i) {
        l *= shared.a[i];
        if (shared.output[i] >= 0) shared.start[shared.output[i]] = l;
      }
      shared.start_end = l;
    }
    __syncthreads();
  }

  // Matrices of the chunk: x and B by steps, C and dy by outputs, a state; transposed by flip().
  __device__ Matrix X() const {
    const std::int64_t width = op.u.width;
    return {k.X + (m * k.room.steps + first_step + first) * width + e * k.P, width, 1, count, k.P};
  }
  __device__ Matrix B() const {
    const std::int64_t width = op.B.width;
    return {k.B + (m * k.room.steps + first_step + first) * width + e * k.groups / k.heads * k.N, width, 1, count, k.N};
  }
  __device__ Matrix C() const {
    const std::int64_t width = op.C.width;
    return {value(op.C, m) + first_output * width + e * k.groups / k.heads * k.N, width, 1, outputs, k.N};
  }
  __device__ Matrix d_Y() const {
    const std::int64_t width = op.y.width;
    return {grad(op.y, m) + first_output * width + e * k.P, width, 1, outputs, k.P};
  }
  __device__ float* state(int number) const {
    return k.h + (k.head(m, s, e) * k.chunks + number) * k.N * k.P;
  }
  __device__ float* G() const { return k.G + k.head(m, s, e) * k.N * k.P; }
  __device__ Matrix of_state(const float* p) const { return {p, k.P, 1, k.N, k.P}; }
  __device__ static Matrix flip(const Matrix& A) { return {A.p, A.column, A.row, A.columns, A.rows}; }
  __device__ static Matrix of_tile(const SsdTile& tile, int rows, int columns) {
    return {&tile[0][0], kTile + 1, 1, rows, columns};
  }

  // Columns p0 .. of x or dy with row i times factor(i), in shared memory.
  template <class F>
  __device__ void scale(const Matrix& A, int p0, F&& factor) {
    for (int i = t / kTile; i < kTile; i += kGemmThreads / kTile) {
      const int p = p0 + t % kTile;
      shared.X[i][t % kTile] = i < A.rows && p < A.columns ? factor(i) * A.p[i * A.row + p] : 0;
    }
    __syncthreads();
  }
  // The state after the chunk.
  __device__ void advance(const float* from, float* to) {
    for (int p0 = 0; p0 < k.P; p0 += kTile) {
      scale(X(), p0, [&](int j) { return shared.end[j] * shared.w[j]; });
      for (int n0 = 0; n0 < k.N; n0 += kTile) {
        TileSums sums;
        clear(sums);
        gemm_add<false, false>(shared.gemm, flip(B()), of_tile(shared.X, count, kTile), n0, 0, 0, count, sums);
        each_of_tile(n0, p0, sums, [&](int n, int p, float sum) {
          if (n < k.N && p < k.P) to[n * k.P + p] = before ? shared.start_end * from[n * k.P + p] + sum : sum;
        });
      }
    }
  }
};

}  // namespace phasegrid::kernels::cuda
