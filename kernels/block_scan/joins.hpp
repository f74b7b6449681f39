// Sums over the channels of a block on the device, and how what warps leave is joined: sequences ascending, for each
// the tiles of 32 channels ascending.
//
// The channels of a block that lie in one tile are a segment. Segments are numbered tile + block, which no two share
// since both only grow from channel to channel: there are at most tiles + blocks of them.
#pragma once
#include "kernels/block_scan/block_scan.hpp"
#include "kernels/device/number.hpp"
#include "kernels/device/reduce.hpp"
#include "kernels/device/walks.hpp"

namespace phasegrid::kernels::cuda {

// Sums of lanes over segments; the first lane of each has the result. p: channels of a block.
struct Segments {
  int end, id, p;  // the lane after the segment's last; its number
  bool writes;

  __device__ Segments(int D, int blocks, int c) : p(D / blocks) {
    const int tile = c / 32, block = c < D ? c / p : blocks - 1,
              last = block == blocks - 1 ? c / 32 * 32 + 32 : (block + 1) * p;
    end = last - tile * 32 < 32 ? last - tile * 32 : 32, id = tile + block;
    const int begin = block * p;
    writes = c < D && (c % 32 == 0 || c == begin);
  }
  __device__ float sum(float v) const {
    for (int d = 1; d < 32 && d < p; d *= 2) {
      const float other = __shfl_down_sync(kAllLanes, v, static_cast<unsigned>(d));
      if (lane() + d < end) v += other;
    }
    return v;
  }
};

// Tables in the workspace. planes: real, then imaginary parts of N states.
struct BlockParts {
  WalkRoom room;
  std::int64_t outputs;
  int tiles, pieces, ids, planes, D;
  float* states;     // [M][S][tiles][pieces][NB][parts][32]: h where pieces begin
  float *B, *C;      // [M][rows or outputs][planes][ids]
  float* B_shared;   // [M][S][kMostShared][planes][ids]
  float *u, *delta;  // [M][S][kMostShared][D]: gradients of shared rows
  float* sums;       // [M][S][2][planes][D]: of A, then of the bias
  float* joined;     // [M][2][planes][D]

  __device__ std::int64_t plane(std::int64_t row, int plane) const { return (row * planes + plane) * ids; }
};

// Gradients of B or C: a number of a row is the sum over the segments of its block.
__global__ void block_scan_join_states(Rows<float> out, BlockParts k, int blocks, int D, const float* own,
                                       std::int64_t most, const float* shared, const Walk* walks) {
  const int m = blockIdx.y, p = D / blocks, stride = (blocks + kPad - 1) / kPad * kPad;
  const std::int64_t each = static_cast<std::int64_t>(k.planes) * blocks;
  for (std::int64_t i = first(); i < count(out, m) * each; i += step()) {
    const std::int64_t row = i / each;
    const int plane = static_cast<int>(i % each) / blocks, block = static_cast<int>(i % blocks);
    const int from = block * p / 32, to = ((block + 1) * p - 1) / 32;
    const bool is_shared = shared && row < walks[m].shared;
    float sum = 0;
    for (int s = 0; s < (is_shared ? walks[m].sequences : 1); ++s) {
      const float* parts = is_shared ? shared + k.plane((m * k.room.sequences + s) * kMostShared + row, plane)
                                     : own + k.plane(m * most + row, plane);
      for (int tile = from; tile <= to; ++tile) sum += parts[tile + block];
    }
    put(grad(out, m)[row * out.width + static_cast<std::int64_t>(plane) * stride + block], sum, out.add);
  }
}

// A is the same for all channels: a thread sums those of one state. The bias has its channels.
template <bool is_complex>
__global__ void block_scan_parameters(BlockScan<float> op, BlockParts k) {
  const int m = blockIdx.y, N = op.A_log.columns;
  const float* sums = k.joined + static_cast<std::int64_t>(m) * 2 * k.planes * k.D;
  for (std::int64_t i = first(); i < k.planes; i += step()) {
    float sum = 0;
    for (int c = 0; c < op.u.columns; ++c) sum += sums[i * k.D + c];
    if (i < N) grad(op.A_log, m)[i] -= expf(value(op.A_log, m)[i]) * sum;
    else grad(op.A_imag, m)[i - N] += sum;
  }
  if (!op.bias.values) return;
  for (std::int64_t i = first(); i < static_cast<std::int64_t>(N) * k.D; i += step()) {
    grad(op.bias, m)[i] += sums[k.planes * k.D + i];
    if (is_complex) grad(op.bias_imag, m)[i] += sums[(k.planes + N) * k.D + i];
  }
}

}  // namespace phasegrid::kernels::cuda
