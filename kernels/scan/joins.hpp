// The way back of the scan leaves partial sums, of warps that share a row or a parameter; here they are joined in a fixed order:
// sequences ascending, and for each the tiles of 32 channels ascending.
#pragma once
#include "kernels/device/reduce.hpp"
#include "kernels/scan/scan.hpp"

namespace phasegrid::kernels::cuda {

constexpr int kScanChunk = 8;  // steps whose states are recomputed together on the way back

// Partial sums in the workspace. S, R, Q: sequences, window rows and outputs of a model, at most; Np: N rounded up to blocks.
struct ScanParts {
  std::int64_t S, R, Q;
  int tiles, chunks, Np, D;
  int walkers;                     // warps of a sequence; S counts warps
  float* states;                   // [M][S / walkers][tiles][chunks][NB][32]: h where chunks begin
  float *B, *C, *delta;            // [M][R or Q][tiles][Np]; delta: only where steps belong to states
  float *B_shared, *delta_shared;  // [M][S][kMostShared][tiles][Np]
  float *u_rows, *delta_rows;      // [M][S][kMostShared][D]: gradients of shared rows
  float* A;                        // [M][S][Np][D]

  __device__ std::int64_t of_row(int m, std::int64_t most, std::int64_t row, int tile) const {
    return ((m * most + row) * tiles + tile) * Np;
  }
  __device__ std::int64_t of_shared(int m, int s, int row, int tile) const {
    return (((m * S + s) * kMostShared + row) * tiles + tile) * Np;
  }
  __device__ std::int64_t shared_row(int m, int s, int row) const { return ((m * S + s) * kMostShared + row) * D; }
};

// Gradients of B, C or of the steps of states. `shared` is null where no row is shared.
__global__ void scan_join_states(Rows<float> out, ScanParts parts, const float* own, const float* shared,
                                 const Walk* walks, std::int64_t most) {
  const int m = blockIdx.y, N = out.columns;
  for (std::int64_t i = first(); i < static_cast<std::int64_t>(count(out, m)) * N; i += step()) {
    const int row = static_cast<int>(i / N), n = static_cast<int>(i % N);
    float sum = 0;
    if (shared && row < walks[m].shared) {
      for (int s = 0; s < walks[m].sequences * parts.walkers; ++s)
        for (int tile = 0; tile < parts.tiles; ++tile) sum += shared[parts.of_shared(m, s, row, tile) + n];
    } else {
      for (int tile = 0; tile < parts.tiles; ++tile) sum += own[parts.of_row(m, most, row, tile) + n];
    }
    put(grad(out, m)[static_cast<std::int64_t>(row) * out.width + n], sum, out.add);
  }
}

// Gradients of u or of the steps of channels, of shared rows.
__global__ void scan_join_shared_rows(Rows<float> out, ScanParts parts, const float* rows, const Walk* walks) {
  const int m = blockIdx.y;
  for (std::int64_t i = first(); i < static_cast<std::int64_t>(walks[m].shared) * out.width; i += step()) {
    float sum = 0;
    for (int s = 0; s < walks[m].sequences * parts.walkers; ++s) sum += rows[parts.shared_row(m, s, 0) + i];
    put(grad(out, m)[i], sum, out.add);
  }
}

__global__ void scan_join_A(Scan<float> op, ScanParts parts) {
  const int m = blockIdx.y;
  for (std::int64_t i = first(); i < static_cast<std::int64_t>(op.A_log.rows) * parts.D; i += step()) {
    float sum = 0;
    for (int s = 0; s < op.walks[m].sequences * parts.walkers; ++s)
      sum += parts.A[(m * parts.S + s) * parts.Np * parts.D + i];
    grad(op.A_log, m)[i] -= sum * expf(value(op.A_log, m)[i]);  // dA / dA_log = A
  }
}

__global__ void scan_skip_backward(Scan<float> op) {
  const int m = blockIdx.y;
  const std::int64_t D = op.u.width;
  column_sums<1>(
      count(op.y, m), op.u.columns,
      [&](int q, int c, float(&sum)[1]) {
        sum[0] += grad(op.y, m)[q * D + c] * value(op.u, m)[op.output_row.data[m][q] * D + c];
      },
      [&](int c, float(&sum)[1]) { grad(op.skip, m)[c] += sum[0]; });
}
__global__ void scan_skip_input_backward(Scan<float> op) {
  const int m = blockIdx.y;
  const std::int64_t D = op.u.width;
  for (std::int64_t i = first(); i < count(op.u, m) * D; i += step()) {
    const Readers outputs = readers(op.output_row, op.models, m, i / D);
    float sum = 0;
    for (const std::int32_t* q = outputs.begin; q < outputs.end; ++q) sum += grad(op.y, m)[*q * D + i % D];
    grad(op.u, m)[i] += sum * value(op.skip, m)[i % D];
  }
}

}  // namespace phasegrid::kernels::cuda
