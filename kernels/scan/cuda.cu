#include "kernels/scan/scan.hpp"

#include "kernels/device/operations.hpp"
#include "kernels/scan/adjoint.hpp"
#include "kernels/scan/shares.hpp"
#include "kernels/scan/walk.hpp"

namespace phasegrid::kernels::cuda {

// Of one multiprocessor, at least: bounds the registers of a thread, of which ptxas takes more for sm_100.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 1000
constexpr int kForwardBlocks = 4;
#else
constexpr int kForwardBlocks = 6;
#endif

template <int NB, class Rule, bool by_state, bool whole_block>
__global__ void __launch_bounds__(32 * kSequences, whole_block || Rule::kPerState ? 4 : kForwardBlocks)
    scan_forward(Scan<float> op, KeptStates kept) {
  using Tile = ScanTile<NB, Rule, by_state>;
  __shared__ ShareMaps<NB> maps[whole_block ? 2 : 1];
  __shared__ typename Tile::Staged all_staged[kSequences];
  typename Tile::Staged& staged = all_staged[threadIdx.y];
  const int m = blockIdx.z, s = whole_block ? blockIdx.y : blockIdx.y * kSequences + threadIdx.y,
            c = blockIdx.x * 32 + threadIdx.x;
  const Walk walk = op.walks[m];
  if (s >= walk.sequences) return;
  const ScanStep* steps = walk.steps + walk.first_step[s];
  const Share share(walk.first_step[s + 1] - walk.first_step[s], whole_block);
  Tile tile(op, m, c);
  float *y = value(op.y, m) + c, *begins = kept.of(m, s);
  const float skip = op.skip.values && tile.active ? value(op.skip, m)[c] : 0;
  for (int n0 = 0; n0 < tile.N; n0 += NB) {
    tile.choose_states(n0);
    float h[NB] = {};
    if constexpr (whole_block) {
      __syncthreads();  // the maps of the states before
      enter_forwards(tile, staged, steps, share, maps[0], maps[1], h);
    }
    each_chunk(share, [&](int begin, int length) {
      PHASEGRID_UNROLL
      for (int n = 0; kept.data && n < NB; ++n) begins[begin / kScanChunk * kept.chunk + (n0 + n) * 32] = h[n];
      tile.stage(staged, steps + begin, length);
      for (int i = 0; i < length; ++i) {
        const ScanStep step = staged.steps[i];
        tile.advance(staged, i, step.log2_repeats, h);
        if (step.output < 0 || !tile.active) continue;
        float& to = y[static_cast<std::int64_t>(step.output) * tile.D];
        float sum = n0 > 0 ? to : skip * staged.u[i][threadIdx.x];
        PHASEGRID_UNROLL
        for (int n = 0; n < NB; ++n) sum += staged.C[i][n] * h[n];  // (2)
        to = sum;
      }
    });
  }
}

// Chunk by chunk from the last: h forwards from the states before the chunk, into shared memory, then the adjoint.
template <int NB, class Rule, bool by_state, bool whole_block>
__global__ void __launch_bounds__(32 * kSequences, whole_block || Rule::kPerState ? 3 : 4)
    scan_backward(Scan<float> op, KeptStates kept, ScanParts parts) {
  __shared__ float history[kScanChunk][NB][kSequences][32];  // the states before each step of a chunk
  __shared__ StagedBack<NB, by_state> all_staged[kSequences];
  StagedBack<NB, by_state>& staged = all_staged[threadIdx.y];
  const int m = blockIdx.z, s = whole_block ? blockIdx.y : blockIdx.y * kSequences + threadIdx.y,
            c = blockIdx.x * 32 + threadIdx.x, warp = whole_block ? s * kSequences + threadIdx.y : s;
  const Walk walk = op.walks[m];
  if (s >= walk.sequences) return;
  const ScanStep* steps = walk.steps + walk.first_step[s];
  const Share share(walk.first_step[s + 1] - walk.first_step[s], whole_block);
  const float* begins = kept.of(m, s);
  clear_shared<NB, by_state>(parts, m, warp, c, walk.shared);
  ScanTile<NB, Rule, by_state> tile(op, m, c);
    const float skip = op.skip.values && tile.active ? value(op.skip, m)[c] : 0;
  for (int n0 = 0; n0 < tile.N; n0 += NB) {
    tile.choose_states(n0);
    float h[NB] = {};
    Adjoint<NB, Rule, by_state> adjoint{op, parts, tile, staged, m, warp, c, walk.shared, skip};
    if constexpr (whole_block) {
      __syncthreads();  // the history of the states before
      enter_forwards(tile, staged, steps, share, history[0], history[1], h);
      enter_backwards(tile, staged, grad(op.y, m) + c, steps, share, history[0], history[2], adjoint.G);
    }
    each_chunk_back(share, [&](int begin, int length) {
      tile.stage(staged, steps + begin, length);
      const float* d_y = grad(op.y, m) + c;
      PHASEGRID_UNROLL
      for (int i = 0; i < kScanChunk; ++i) {
        const int output = staged.steps[i].output;
        staged.d_y[i][threadIdx.x] = output >= 0 && tile.active ? d_y[static_cast<std::int64_t>(output) * tile.D] : 0;
      }
      PHASEGRID_UNROLL
      for (int n = 0; n < NB; ++n) h[n] = begins[begin / kScanChunk * kept.chunk + (n0 + n) * 32];
      for (int i = 0; i < length; ++i) {
        PHASEGRID_UNROLL
        for (int n = 0; n < NB; ++n) history[i][n][threadIdx.y][threadIdx.x] = h[n];
        tile.advance(staged, i, staged.steps[i].log2_repeats, h);
      }
      for (int i = length - 1; i >= 0; --i) {
        const ScanStep step = staged.steps[i];
        const float past = step.output >= 0 ? adjoint.read_out(i, step.output, h) : 0;
        PHASEGRID_UNROLL
        for (int n = 0; n < NB; ++n) h[n] = history[i][n][threadIdx.y][threadIdx.x];
        adjoint.pull_back(i, step, h, past);
      }
    });
    PHASEGRID_UNROLL
    for (int n = 0; n < NB; ++n)
      if (tile.active) parts.A[((m * parts.S + warp) * parts.Np + n0 + n) * parts.D + c] = adjoint.d_A[n];
    if (tile.active && n0 == 0) parts.skip[(m * parts.S + warp) * parts.D + c] = adjoint.d_skip;
  }
}

namespace {

ScanParts partial_sums(const Scan<float>& op, int NB) {
  ScanParts p{};
  const std::int64_t M = op.models, sequences = most_sequences(op);
  p.walkers = is_long(op) ? kSequences : 1;
  p.S = sequences * p.walkers, p.R = capacity(op.u), p.Q = capacity(op.y);
  p.tiles = (op.u.width + 31) / 32;
  p.Np = (op.B.columns + NB - 1) / NB * NB, p.D = op.u.width;
  const std::int64_t shared_states = M * p.S * kMostShared * p.tiles * p.Np, shared_rows = M * p.S * kMostShared * p.D;
  const std::int64_t sizes[] = {M * p.R * p.tiles * p.Np,
                                M * p.Q * p.tiles * p.Np,
                                op.delta_by_state ? M * p.R * p.tiles * p.Np : 0,
                                shared_states,
                                op.delta_by_state ? shared_states : 0,
                                shared_rows,
                                op.delta_by_state ? 0 : shared_rows,
                                M * p.S * p.Np * p.D,
                                M * p.S * p.D};
  float** places[] = {&p.B, &p.C, &p.delta, &p.B_shared, &p.delta_shared, &p.u_rows, &p.delta_rows, &p.A, &p.skip};
  Workspace workspace;
  for (const std::int64_t size : sizes) workspace.want<float>(size);
  workspace.take();
  for (int i = 0; i < 9; ++i) *places[i] = workspace.get<float>(sizes[i]);
  return p;
}

KeptStates kept_states(const Scan<float>& op) {
  KeptStates kept{op.kept, 0, 0, 0, (op.B.columns + 7) / 8 * 8 * 32};
  kept.tile = (op.most_steps + kScanChunk - 1) / kScanChunk * kept.chunk;
  kept.sequence = (op.u.width + 31) / 32 * static_cast<std::int64_t>(kept.tile);
  kept.model = most_sequences(op) * kept.sequence;
  return kept;
}

dim3 warps(const Scan<float>& op) {
  const int in_block = is_long(op) ? 1 : kSequences;
  return {static_cast<unsigned>((op.u.width + 31) / 32),
          static_cast<unsigned>((most_sequences(op) + in_block - 1) / in_block), static_cast<unsigned>(op.models)};
}

template <int NB, class Rule, bool by_state, bool whole_block>
void backward_with(const Scan<float>& op) {
  const ScanParts parts = partial_sums(op, NB);
  const int M = op.models;
  launch<scan_backward<NB, Rule, by_state, whole_block>>(warps(op), dim3(32, kSequences), op, kept_states(op), parts);
  const auto join_states = [&](const Rows<float>& out, const float* own, bool shared, std::int64_t most) {
    launch<scan_join_states>(blocks_for(most * out.columns, M), kThreads, out, parts, own, shared, op.walks, most);
  };
  join_states(op.B, parts.B, true, parts.R), join_states(op.C, parts.C, false, parts.Q);
  if (by_state) join_states(op.delta, parts.delta, true, parts.R);
  dim3 blocks = column_blocks(kMostShared * (parts.D > parts.Np ? parts.D : parts.Np), M);
  blocks.z = 3;
  launch<scan_join_shared>(blocks, column_threads(), op, parts);
  if (op.A_log || op.skip)
    launch<scan_join_parameters>(blocks_for(static_cast<std::int64_t>(op.A_log.rows + 1) * parts.D, M), kThreads, op, parts);
}

template <int NB, class Rule, bool by_state, bool whole_block>
void run(const Scan<float>& op, bool back) {
  if (back) backward_with<NB, Rule, by_state, whole_block>(op);
  else launch<scan_forward<NB, Rule, by_state, whole_block>>(warps(op), dim3(32, kSequences), op, kept_states(op));
}
template <int NB, class Rule, bool by_state>
void with_length(const Scan<float>& op, bool back) {
  if constexpr (NB > 4)
    if (is_long(op)) return run<NB, Rule, by_state, true>(op, back);
  run<NB, Rule, by_state, false>(op, back);
}
template <int NB, class Rule>
void with_axis(const Scan<float>& op, bool back) {
  op.delta_by_state ? with_length<NB, Rule, true>(op, back) : with_length<NB, Rule, false>(op, back);
}
template <int NB>
void with_rule(const Scan<float>& op, bool back) {
  switch (op.discretisation) {
    case Discretisation::euler:
      return with_axis<NB, Euler>(op, back);
    case Discretisation::zoh:
      return with_axis<NB, Zoh>(op, back);
    case Discretisation::none:
      return with_axis<NB, None>(op, back);
  }
}
void with_block(const Scan<float>& op, bool back) {
  op.B.columns <= 4 ? with_rule<4>(op, back) : with_rule<8>(op, back);
}

}  // namespace

void forward(const Scan<float>& op) { with_block(op, false); }
void backward(const Scan<float>& op) { with_block(op, true); }

}  // namespace phasegrid::kernels::cuda
