// The way back of the scan leaves partial sums, of warps that share a row or a parameter; here they are joined in a fixed order:
// sequences ascending, and for each the tiles of 32 channels ascending.
#pragma once
#include "kernels/device/reduce.hpp"
#include "kernels/scan/walk.hpp"

namespace phasegrid::kernels::cuda {

// Partial sums in the workspace. S, R, Q: sequences, window rows and outputs of a model, at most; Np: N rounded up to blocks.
struct ScanParts {
  std::int64_t S, R, Q;
  int tiles, Np, D;
  int walkers;                     // warps of a sequence; S counts warps
  float *B, *C, *delta;            // [M][R or Q][tiles][Np]; delta: only where steps belong to states
  float *B_shared, *delta_shared;  // [M][S][kMostShared][tiles][Np]
  float *u_rows, *delta_rows;      // [M][S][kMostShared][D]: gradients of shared rows
  float* A;                        // [M][S][Np][D]
  float* skip;                     // [M][S][D]

  __device__ std::int64_t of_row(int m, std::int64_t most, std::int64_t row, int tile) const {
    return ((m * most + row) * tiles + tile) * Np;
  }
  __device__ std::int64_t of_shared(int m, int s, int row, int tile) const {
    return (((m * S + s) * kMostShared + row) * tiles + tile) * Np;
  }
  __device__ std::int64_t shared_row(int m, int s, int row) const { return ((m * S + s) * kMostShared + row) * D; }
};

// Gradients of B, C or of the steps of states, of rows that belong to one sequence. With `shared`, the others are left out.
__global__ void scan_join_states(Rows<float> out, ScanParts parts, const float* own, bool shared, const Walk* walks,
                                 std::int64_t most) {
  const int m = blockIdx.y, N = out.columns;
  const std::int64_t begin = shared ? static_cast<std::int64_t>(walks[m].shared) * N : 0;
  for (std::int64_t i = begin + first(); i < static_cast<std::int64_t>(count(out, m)) * N; i += step()) {
    const int row = static_cast<int>(i / N), n = static_cast<int>(i % N);
    float sum = 0;
    for (int tile = 0; tile < parts.tiles; ++tile) sum += own[parts.of_row(m, most, row, tile) + n];
    put(grad(out, m)[static_cast<std::int64_t>(row) * out.width + n], sum, out.add);
  }
}

// Gradients of shared rows, of u, of the steps and of B (blockIdx.z): a block has 32 numbers and deals the sequences to 8 threads each.
__global__ void scan_join_shared(Scan<float> op, ScanParts parts) {
  __shared__ float shared[1][kSlices][kColumns];
  const int m = blockIdx.y, i = blockIdx.x * kColumns + threadIdx.x;
  const bool states = blockIdx.z == 2 || (blockIdx.z == 1 && op.delta_by_state);
  const Rows<float>& out = blockIdx.z == 0 ? op.u : blockIdx.z == 1 ? op.delta : op.B;
  const float* from = blockIdx.z == 0 ? parts.u_rows : blockIdx.z == 2 ? parts.B_shared : states ? parts.delta_shared : parts.delta_rows;
  const int width = states ? parts.Np : parts.D, row = i / width, n = i % width, tiles = states ? parts.tiles : 1;
  if (static_cast<int>(blockIdx.x) * kColumns >= op.walks[m].shared * width) return;
  float sum[1] = {};
  PHASEGRID_UNROLL_SOME
  for (int k = threadIdx.y; k < op.walks[m].sequences * parts.walkers * tiles; k += kSlices)
    if (row < op.walks[m].shared)
      sum[0] += from[states ? parts.of_shared(m, k / tiles, row, k % tiles) + n : parts.shared_row(m, k, row) + n];
  join_slices(shared, sum);
  if (threadIdx.y == 0 && row < op.walks[m].shared && n < out.columns)
    put(grad(out, m)[static_cast<std::int64_t>(row) * out.width + n], sum[0], out.add);
}

// Gradients of A_log and of skip: the sums over sequences.
__global__ void scan_join_parameters(Scan<float> op, ScanParts parts) {
  const int m = blockIdx.y, warps = op.walks[m].sequences * parts.walkers;
  const std::int64_t of_A = static_cast<std::int64_t>(op.A_log.rows) * parts.D, all = of_A + (op.skip.values ? parts.D : 0);
  for (std::int64_t i = first(); i < all; i += step()) {
    const float* from = i < of_A ? parts.A + m * parts.S * parts.Np * parts.D + i : parts.skip + m * parts.S * parts.D + (i - of_A);
    const std::int64_t each = i < of_A ? static_cast<std::int64_t>(parts.Np) * parts.D : parts.D;
    float sum = 0;
    PHASEGRID_UNROLL_SOME
    for (int s = 0; s < warps; ++s) sum += from[s * each];
    if (i < of_A) grad(op.A_log, m)[i] -= sum * expf(value(op.A_log, m)[i]);  // dA / dA_log = A
    else grad(op.skip, m)[i - of_A] += sum;
  }
}

}  // namespace phasegrid::kernels::cuda
