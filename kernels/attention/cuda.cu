#include "kernels/attention/attention.hpp"

#include "kernels/attention/device.hpp"
#include "kernels/device/operations.hpp"

namespace phasegrid::kernels::cuda {

__global__ void attention_places(Attention<float> op, AttentionTables k) {
  const int m = blockIdx.y;
  const Walk walk = op.walks[m];
  for (std::int64_t i = first(); i < static_cast<std::int64_t>(walk.sequences) * k.most_steps; i += step()) {
    const int s = static_cast<int>(i / k.most_steps), j = static_cast<int>(i % k.most_steps),
              here = walk.first_step[s] + j;
    if (here >= walk.first_step[s + 1]) continue;
    if (const int output = walk.steps[here].output; output >= 0) k.read[m * k.outputs + output] = j;
  }
}

// A tile of outputs.
__global__ void __launch_bounds__(kGemmThreads, 6) attention_forward(Attention<float> op, AttentionTables k) {
  __shared__ AttentionShared shared;
  if (static_cast<int>(blockIdx.y) >= op.walks[blockIdx.z].sequences) return;
  const AttentionBlock block(op, k, shared);
  const int q0 = block.tile * kTile;
  if (q0 >= block.outputs) return;
  RowStatistics rows;
  block.find_rows(q0, rows);
  for (int p0 = 0; p0 < k.P; p0 += kTile) {
    TileSums sums;
    clear(sums);
    for (int t0 = 0; t0 < block.reach(q0); t0 += kTile) {
      block.weights<false>(q0, t0, rows);
      const Matrix v = block.of_steps(k.V);
      const int end = block.steps - t0 < kTile ? block.steps - t0 : kTile;
      gemm_add<true, false>(shared.gemm, AttentionBlock::of_tile(shared.p), {v.p + t0 * v.row, v.row, 1, end, k.P}, 0,
                            p0, 0, end, sums);
    }
    each_of_tile(q0, p0, sums, [&](int q, int p, float sum) {
      if (q < block.outputs && p < k.P)
        value(op.y, block.m)[(block.first_output + static_cast<std::int64_t>(q)) * op.y.width + block.head * k.P + p] =
            sum;
    });
  }
}

// What the way back asks of a row; its mean sum_t p dp is y . dy.
__global__ void __launch_bounds__(kGemmThreads, kGemmBlocks) attention_rows(Attention<float> op, AttentionTables k) {
  __shared__ AttentionShared shared;
  if (static_cast<int>(blockIdx.y) >= op.walks[blockIdx.z].sequences) return;
  const AttentionBlock block(op, k, shared);
  const int q0 = block.tile * kTile;
  if (q0 >= block.outputs) return;
  RowStatistics rows;
  block.find_rows(q0, rows);
  const Matrix y = block.of_outputs(op.y, op.y.values), d_y = block.of_outputs(op.y, op.y.grads);
  PHASEGRID_UNROLL
  for (int i = 0; i < kPart; ++i) {
    const int q = q0 + block.t / 8 * kPart + i;
    float mean = 0;
    for (int p = block.t % 8; q < block.outputs && p < k.P; p += 8) mean += y.p[q * y.row + p] * d_y.p[q * d_y.row + p];
    PHASEGRID_UNROLL
    for (int d = 4; d > 0; d /= 2) mean += __shfl_xor_sync(kAllLanes, mean, d);
    if (q >= block.outputs || block.t % 8 != 0) continue;
    k.most[block.statistic(q)] = rows.most[i], k.inverse[block.statistic(q)] = rows.inverse[i],
    k.mean[block.statistic(q)] = mean;
  }
}

__global__ void __launch_bounds__(kGemmThreads, kGemmBlocks)
    attention_query_backward(Attention<float> op, AttentionTables k) {
  __shared__ AttentionShared shared;
  if (static_cast<int>(blockIdx.y) >= op.walks[blockIdx.z].sequences) return;
  const AttentionBlock block(op, k, shared);
  const int q0 = block.tile * kTile;
  if (q0 >= block.outputs) return;
  RowStatistics rows;
  block.load_rows(q0, rows);
  for (int p0 = 0; p0 < k.P; p0 += kTile) {
    TileSums sums;
    clear(sums);
    for (int t0 = 0; t0 < block.reach(q0); t0 += kTile) {
      block.weights<true>(q0, t0, rows);
      const Matrix keys = block.of_steps(k.K);
      const int end = block.steps - t0 < kTile ? block.steps - t0 : kTile;
      gemm_add<true, false>(shared.gemm, AttentionBlock::of_tile(shared.d_s),
                            {keys.p + t0 * keys.row, keys.row, 1, end, k.P}, 0, p0, 0, end, sums);
    }
    each_of_tile(q0, p0, sums, [&](int q, int p, float sum) {
      if (q < block.outputs && p < k.P)
        put(grad(op.q,
                 block.m)[(block.first_output + static_cast<std::int64_t>(q)) * op.q.width + block.head * k.P + p],
            sum, op.q.add);
    });
  }
}

// A tile of steps, which meets the tiles of outputs at and after it.
__global__ void __launch_bounds__(kGemmThreads, 6) attention_key_backward(Attention<float> op, AttentionTables k) {
  __shared__ AttentionShared shared;
  if (static_cast<int>(blockIdx.y) >= op.walks[blockIdx.z].sequences) return;
  const AttentionBlock block(op, k, shared);
  const int t0 = block.tile * kTile;
  if (t0 >= block.steps) return;
  for (int p0 = 0; p0 < k.P; p0 += kTile) {
    TileSums d_k, d_v;
    clear(d_k), clear(d_v);
    for (int q0 = 0; q0 < block.outputs; q0 += kTile) {
      if (block.reach(q0) <= t0) continue;
      RowStatistics rows;
      block.load_rows(q0, rows);
      block.weights<true>(q0, t0, rows);
      const int end = block.outputs - q0 < kTile ? block.outputs - q0 : kTile;
      const Matrix q = block.of_outputs(op.q, op.q.values), d_y = block.of_outputs(op.y, op.y.grads);
      gemm_add<false, false>(shared.gemm, AttentionBlock::flip(AttentionBlock::of_tile(shared.d_s)),
                             {q.p + q0 * q.row, q.row, 1, end, k.P}, 0, p0, 0, end, d_k);
      gemm_add<false, false>(shared.gemm, AttentionBlock::flip(AttentionBlock::of_tile(shared.p)),
                             {d_y.p + q0 * d_y.row, d_y.row, 1, end, k.P}, 0, p0, 0, end, d_v);
    }
    const auto keep = [&](float* dense, TileSums& sums) {
      each_of_tile(t0, p0, sums, [&](int i, int p, float sum) {
        if (i < block.steps && p < k.P)
          dense[(block.m * k.room.steps + block.first_step + i) * op.k.width + block.head * k.P + p] = sum;
      });
    };
    keep(k.d_K, d_k), keep(k.d_V, d_v);
  }
}

namespace {

struct AttentionRun {
  Attention<float> op;
  AttentionTables k{};
  float* shared = nullptr;

  AttentionRun(const Attention<float>& given, bool back) : op(given) {
    op.scratch = nullptr;  // the CPU's
    k.room = walk_room(op.k, op.most_steps), k.outputs = capacity(op.y), k.P = op.q.columns / op.heads;
    k.most_steps = op.most_steps > 0 ? op.most_steps : static_cast<int>(k.room.steps);
    const std::int64_t M = op.models, dense = M * k.room.steps * op.k.width, own = back ? 1 : 0,
                       rows = own * M * op.heads * k.outputs;
    const struct {
      float** place;
      std::int64_t size;
    } pieces[] = {{&k.K, dense},         {&k.V, dense},
                  {&k.d_K, own * dense}, {&k.d_V, own * dense},
                  {&k.most, rows},       {&k.inverse, rows},
                  {&k.mean, rows},       {&shared, own * shared_size(op.models, k.room, op.k.width)}};
    Workspace workspace;
    for (const auto& piece : pieces) workspace.want<float>(piece.size);
    workspace.want<std::int32_t>(M * k.outputs).take();
    for (const auto& piece : pieces) *piece.place = workspace.get<float>(piece.size);
    k.read = workspace.get<std::int32_t>(M * k.outputs);
    pack_steps(op.models, op.k, op.walks, k.room, k.K), pack_steps(op.models, op.v, op.walks, k.room, k.V);
    launch<attention_places>(blocks_for(k.room.sequences * k.most_steps, op.models), kThreads, op, k);
  }
  dim3 tiles(int most) const {
    return {static_cast<unsigned>(tiles_of(most) * op.heads), static_cast<unsigned>(k.room.sequences),
            static_cast<unsigned>(op.models)};
  }
  dim3 output_tiles() const { return tiles(op.most_outputs > 0 ? op.most_outputs : k.most_steps); }
};

}  // namespace

void forward(const Attention<float>& op) {
  const AttentionRun run(op, false);
  launch<attention_forward>(run.output_tiles(), kGemmThreads, run.op, run.k);
}

void backward(const Attention<float>& op) {
  const AttentionRun run(op, true);
  const AttentionTables& k = run.k;
  launch<attention_rows>(run.output_tiles(), kGemmThreads, run.op, k);
  launch<attention_query_backward>(run.output_tiles(), kGemmThreads, run.op, k);
  launch<attention_key_backward>(run.tiles(k.most_steps), kGemmThreads, run.op, k);
  unpack_steps(op.models, op.k, op.walks, k.room, k.d_K, run.shared);
  unpack_steps(op.models, op.v, op.walks, k.room, k.d_V, run.shared);
}

}  // namespace phasegrid::kernels::cuda
