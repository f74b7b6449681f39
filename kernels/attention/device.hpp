// A head of a sequence on the device, in tiles of 32 outputs x 32 steps: scores are never stored, every kernel makes
// its tiles again.
//
// A block has 64 threads. A row of a tile belongs to 8 neighbouring lanes, which share its largest score, its sum and
// its mean.
#pragma once
#include "kernels/attention/attention.hpp"
#include "kernels/device/gemm.hpp"
#include "kernels/device/reduce.hpp"
#include "kernels/device/walks.hpp"

namespace phasegrid::kernels::cuda {

// In the workspace; steps are counted from the first of the model.
struct AttentionTables {
  WalkRoom room;
  std::int64_t outputs;
  int P, most_steps;
  float *K, *V, *d_K, *d_V;      // [M][steps][D]
  float *most, *inverse, *mean;  // [M][heads][outputs]: largest score, 1 / sum, sum of p dp
  std::int32_t* read;            // [M][outputs] -> step of the sequence
};

using AttentionTile = float[kTile][kTile + 1];
struct AttentionShared {
  GemmShared gemm;
  AttentionTile p, d_s;
};
struct RowStatistics {
  float most[kPart], inverse[kPart], mean[kPart];  // of this thread's rows
};

struct AttentionBlock {
  const Attention<float>& op;
  const AttentionTables& k;
  AttentionShared& shared;
  int m, s, head, tile, t;
  int first_step, steps, first_output, outputs;
  float scale;

  __device__ AttentionBlock(const Attention<float>& op, const AttentionTables& k, AttentionShared& shared)
      : op(op),
        k(k),
        shared(shared),
        m(blockIdx.z),
        s(blockIdx.y),
        head(blockIdx.x % op.heads),
        tile(blockIdx.x / op.heads),
        t(threadIdx.x),
        scale(1 / sqrtf(static_cast<float>(k.P))) {
    const Walk& walk = op.walks[m];
    first_step = walk.first_step[s], steps = walk.first_step[s + 1] - first_step;
    first_output = walk.first_output[s], outputs = walk.first_output[s + 1] - first_output;
  }
  __device__ Matrix of_outputs(const Rows<float>& rows, const float* values) const {
    return {values + m * rows.stride + first_output * static_cast<std::int64_t>(rows.width) + head * k.P, rows.width, 1,
            outputs, k.P};
  }
  __device__ Matrix of_steps(const float* dense) const {
    const std::int64_t width = op.k.width;
    return {dense + (m * k.room.steps + first_step) * width + head * k.P, width, 1, steps, k.P};
  }
  __device__ static Matrix flip(const Matrix& A) { return {A.p, A.column, A.row, A.columns, A.rows}; }
  __device__ static Matrix of_tile(const AttentionTile& tile) { return {&tile[0][0], kTile + 1, 1, kTile, kTile}; }
  __device__ int read(int q) const { return q < outputs ? k.read[m * k.outputs + first_output + q] : -1; }
  __device__ std::int64_t statistic(int q) const {
    return (static_cast<std::int64_t>(m) * op.heads + head) * k.outputs + first_output + q;
  }
  // The steps that a tile of outputs looks at.
  __device__ int reach(int q0) const {
    const int last = (q0 + kTile < outputs ? q0 + kTile : outputs) - 1;
    return read(last) + 1;
  }
  // q . k over the tile at (q0, t0).
  __device__ void scores(int q0, int t0, TileSums& sums) const {
    clear(sums);
    gemm_add<true, true>(shared.gemm, of_outputs(op.q, op.q.values), flip(of_steps(k.K)), q0, t0, 0, k.P, sums);
  }
  __device__ float repeats(int i) const {
    return static_cast<float>(1 << op.walks[m].steps[first_step + i].log2_repeats);
  }

  // (1): the largest score of each row and its sum, tile after tile.
  __device__ void find_rows(int q0, RowStatistics& rows) const {
    float total[kPart];
    PHASEGRID_UNROLL
    for (int i = 0; i < kPart; ++i) rows.most[i] = -3e38f, total[i] = 0;
    for (int t0 = 0; t0 < reach(q0); t0 += kTile) {
      TileSums sums;
      scores(q0, t0, sums);
      PHASEGRID_UNROLL
      for (int i = 0; i < kPart; ++i) {
        const int last = read(q0 + t / 8 * kPart + i);
        float most = rows.most[i], sum = 0;
        PHASEGRID_UNROLL
        for (int j = 0; j < kPart; ++j)
          if (t0 + t % 8 + 8 * j <= last) most = fmaxf(most, sums[i][j]);
        PHASEGRID_UNROLL
        for (int d = 4; d > 0; d /= 2) most = fmaxf(most, __shfl_xor_sync(kAllLanes, most, d));
        PHASEGRID_UNROLL
        for (int j = 0; j < kPart; ++j)
          if (const int step = t0 + t % 8 + 8 * j; step <= last)
            sum += repeats(step) * expf((sums[i][j] - most) * scale);
        PHASEGRID_UNROLL
        for (int d = 4; d > 0; d /= 2) sum += __shfl_xor_sync(kAllLanes, sum, d);
        total[i] = total[i] * expf((rows.most[i] - most) * scale) + sum, rows.most[i] = most;
      }
    }
    PHASEGRID_UNROLL
    for (int i = 0; i < kPart; ++i) rows.inverse[i] = 1 / total[i];
  }
  __device__ void load_rows(int q0, RowStatistics& rows) const {
    PHASEGRID_UNROLL
    for (int i = 0; i < kPart; ++i) {
      const int q = q0 + t / 8 * kPart + i;
      const std::int64_t place = statistic(q < outputs ? q : 0);
      rows.most[i] = k.most[place], rows.inverse[i] = k.inverse[place], rows.mean[i] = k.mean[place];
    }
  }
  // p of the tile at (q0, t0) into shared memory, and with `back` ds.
  template <bool back>
  __device__ void weights(int q0, int t0, const RowStatistics& rows) const {
    TileSums sums, d_p;
    scores(q0, t0, sums);
    clear(d_p);
    if (back) gemm_add<true, true>(shared.gemm, of_outputs(op.y, op.y.grads), flip(of_steps(k.V)), q0, t0, 0, k.P, d_p);
    PHASEGRID_UNROLL
    for (int i = 0; i < kPart; ++i) {
      const int row = t / 8 * kPart + i, last = read(q0 + row);
      PHASEGRID_UNROLL
      for (int j = 0; j < kPart; ++j) {
        const int column = t % 8 + 8 * j, step = t0 + column;
        const float p = step <= last ? repeats(step) * expf((sums[i][j] - rows.most[i]) * scale) * rows.inverse[i] : 0;
        shared.p[row][column] = p;
        if (back) shared.d_s[row][column] = p != 0 ? p * (d_p[i][j] - rows.mean[i]) * scale : 0;
      }
    }
    __syncthreads();
  }
};

}  // namespace phasegrid::kernels::cuda
