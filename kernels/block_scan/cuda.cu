// A warp walks one sequence over 32 channels, a channel a lane, kStates states in registers; further states in further
// walks. On the way back h is kept every kHistory steps, recomputed piece by piece into shared memory, and the adjoint
// walks it backwards: (4) and (5) of kernels/block_scan/cpu.cpp. Gradients of B and C are summed over the lanes of a
// block.
#include "kernels/block_scan/block_scan.hpp"

#include "kernels/block_scan/joins.hpp"
#include "kernels/device/operations.hpp"

namespace phasegrid::kernels::cuda {

constexpr int kStates = 4, kSequences = 4, kHistory = 8;

template <class N>
struct BlockTile {
  const BlockScan<float>& op;
  int m, c, n0, block, stride, states;
  bool active;  // lanes past the last channel only take part in sums
  N A[kStates], bias[kStates];

  __device__ BlockTile(const BlockScan<float>& op, int m, int c)
      : op(op),
        m(m),
        c(c),
        n0(0),
        block(c < op.u.columns ? c / (op.u.columns / op.blocks) : op.blocks - 1),
        stride((op.blocks + kPad - 1) / kPad * kPad),
        states(op.A_log.columns),
        active(c < op.u.width) {}

  __device__ void choose_states(int first) {
    n0 = first;
    PHASEGRID_UNROLL
    for (int n = 0; n < kStates; ++n) {
      A[n] = bias[n] = NumberKind<N>::from(0.0f);
      if (n0 + n >= states) continue;
      if constexpr (NumberKind<N>::kParts == 2) A[n] = {-expf(value(op.A_log, m)[n0 + n]), value(op.A_imag, m)[n0 + n]};
      else A[n] = -expf(value(op.A_log, m)[n0 + n]);
      const std::int64_t i = static_cast<std::int64_t>(n0 + n) * op.u.width + c;
      if (op.bias.values && active)
        bias[n] = load<N>(value(op.bias, m) + i, NumberKind<N>::kParts == 2 ? value(op.bias_imag, m) + i : nullptr);
    }
  }
  __device__ float u_of(int row) const {
    return active ? value(op.u, m)[static_cast<std::int64_t>(row) * op.u.width + c] : 0;
  }
  __device__ float delta_of(int row) const {
    return active ? value(op.delta, m)[static_cast<std::int64_t>(row) * op.u.width + c] : 0;
  }
  // State n0 + n of a row of B or C, as this channel's block has it (zero for states that do not exist).
  __device__ N spread(const Rows<float>& rows, int row, int n) const {
    if (n0 + n >= states) return NumberKind<N>::from(0.0f);
    const float* re = value(rows, m) + static_cast<std::int64_t>(row) * rows.width + (n0 + n) * stride + block;
    return load<N>(re, re + states * stride);
  }
  __device__ void advance(const ScanStep& step, N (&h)[kStates]) const {
    const float u = u_of(step.row), delta = delta_of(step.row);
    PHASEGRID_UNROLL
    for (int n = 0; n < kStates; ++n) {
      const N a = exp_number(A[n] * delta);
      const N in = input_value(op.discretisation, delta, A[n], a) * (spread(op.B, step.row, n) + bias[n]) * u;
      if (step.log2_repeats == 0) {
        h[n] = a * h[n] + in;  // (2)
      } else {
        const RunOf<N> run(a, step.log2_repeats);
        h[n] = run.p * h[n] + run.s * in;
      }
    }
  }
};

template <bool is_complex>
__global__ void __launch_bounds__(32 * kSequences, 4) block_scan_forward(BlockScan<float> op) {
  using N = NumberOf<is_complex>;
  const int m = blockIdx.z, s = blockIdx.y * kSequences + threadIdx.y, c = blockIdx.x * 32 + threadIdx.x;
  const Walk walk = op.walks[m];
  if (s >= walk.sequences || c >= op.u.width) return;
  BlockTile<N> tile(op, m, c);
  const float skip = value(op.skip, m)[c];
  for (int n0 = 0; n0 < tile.states; n0 += kStates) {
    tile.choose_states(n0);
    N h[kStates];
    PHASEGRID_UNROLL
    for (int n = 0; n < kStates; ++n) h[n] = NumberKind<N>::from(0.0f);
    for (int i = walk.first_step[s]; i < walk.first_step[s + 1]; ++i) {
      const ScanStep step = walk.steps[i];
      tile.advance(step, h);
      if (step.output < 0) continue;
      float& to = value(op.y, m)[static_cast<std::int64_t>(step.output) * op.y.width + c];
      float sum = n0 > 0 ? to : skip * tile.u_of(step.row);
      PHASEGRID_UNROLL
      for (int n = 0; n < kStates; ++n) sum += real_product(tile.spread(op.C, step.output, n), h[n]);  // (3)
      to = sum;
    }
  }
}

// What one thread carries back through time.
template <class N>
struct BlockAdjoint {
  const BlockScan<float>& op;
  const BlockParts& k;
  const BlockTile<N>& tile;
  const Segments& segments;
  int s, shared;
  N G[kStates], d_A[kStates], d_bias[kStates];

  __device__ BlockAdjoint(const BlockParts& k, const BlockTile<N>& tile, const Segments& segments, int s, int shared)
      : op(tile.op), k(k), tile(tile), segments(segments), s(s), shared(shared) {
    PHASEGRID_UNROLL
    for (int n = 0; n < kStates; ++n) G[n] = d_A[n] = d_bias[n] = NumberKind<N>::from(0.0f);
  }
  // Over the block's channels in this tile, into a row of parts.
  __device__ void keep(float* parts, int n, N v, bool add) const {
    if (tile.n0 + n >= tile.states) return;
    if constexpr (NumberKind<N>::kParts == 2) {
      const float re = segments.sum(v.re), im = segments.sum(v.im);
      if (!segments.writes) return;
      put(parts[(tile.n0 + n) * k.ids + segments.id], re, add);
      put(parts[(tile.states + tile.n0 + n) * k.ids + segments.id], im, add);
    } else {
      const float sum = segments.sum(v);
      if (segments.writes) put(parts[(tile.n0 + n) * k.ids + segments.id], sum, add);
    }
  }
  __device__ void read_out(int output, const N (&h)[kStates]) {
    const float d_y = tile.active ? grad(op.y, tile.m)[static_cast<std::int64_t>(output) * op.y.width + tile.c] : 0;
    PHASEGRID_UNROLL
    for (int n = 0; n < kStates; ++n) {
      keep(k.C + k.plane(tile.m * k.outputs + output, 0), n, conj(h[n]) * d_y, false);
      G[n] += conj(tile.spread(op.C, output, n)) * d_y;  // (4)
    }
  }
  // h: the states before the step.
  __device__ void pull_back(const ScanStep& step, const N (&h)[kStates]) {
    const float u = tile.u_of(step.row), delta = tile.delta_of(step.row);
    const bool own = step.row >= shared;
    const std::int64_t sequence = tile.m * k.room.sequences + s;
    float* parts = own ? k.B + k.plane(tile.m * k.room.steps + step.row, 0)
                       : k.B_shared + k.plane(sequence * kMostShared + step.row, 0);
    float d_u = 0, d_delta = 0;
    PHASEGRID_UNROLL
    for (int n = 0; n < kStates; ++n) {
      const N A = tile.A[n], a = exp_number(A * delta), b = tile.spread(op.B, step.row, n) + tile.bias[n];
      const InputFactor<N> f = input_factor(op.discretisation, delta, A, a);
      N S = G[n], passed = a, reached = a * h[n];  // the sum of G over the step's repeats, a^m, the sum in g
      if (step.log2_repeats > 0) {
        const RunOf<N> run(a, step.log2_repeats);
        S = conj(run.s) * G[n], passed = run.p, reached = run.p * h[n] * run.m + run.r * (f.value * b * u);
      }
      const N g = conj(reached) * G[n], d_b = conj(f.value) * S * u;
      d_u += real_dot(f.value * b, S);
      d_delta += real_dot(A, g) + real_dot(b * f.by_delta, S) * u;  // (5)
      d_A[n] += g * delta + conj(b * f.by_A) * S * u;
      d_bias[n] += d_b;
      keep(parts, n, d_b, !own);
      G[n] = conj(passed) * G[n];
    }
    if (!tile.active) return;
    const std::int64_t i = static_cast<std::int64_t>(step.row) * op.u.width + tile.c,
                       shared_row = (sequence * kMostShared + step.row) * k.D + tile.c;
    if (own) {
      put(grad(op.u, tile.m)[i], d_u, op.u.add || tile.n0 > 0),
          put(grad(op.delta, tile.m)[i], d_delta, op.delta.add || tile.n0 > 0);
    } else {
      k.u[shared_row] += d_u, k.delta[shared_row] += d_delta;
    }
  }
  __device__ void finish() const {
    if (!tile.active) return;
    float* sums = k.sums + (tile.m * k.room.sequences + s) * 2 * k.planes * k.D + tile.c;
    PHASEGRID_UNROLL
    for (int n = 0; n < kStates; ++n) {
      if (tile.n0 + n >= tile.states) continue;
      float *A = sums + static_cast<std::int64_t>(tile.n0 + n) * k.D,
            *bias = A + static_cast<std::int64_t>(k.planes) * k.D;
      const std::int64_t imaginary = static_cast<std::int64_t>(tile.states) * k.D;
      store(A, A + imaginary, d_A[n]), store(bias, bias + imaginary, d_bias[n]);
    }
  }
};

// Sums for shared rows begin at zero: each thread and each writing lane clears its own.
__device__ void clear_shared(const BlockParts& k, const Segments& segments, int m, int s, int c, int shared) {
  for (int row = 0; row < shared; ++row) {
    const std::int64_t place = (m * k.room.sequences + s) * kMostShared + row;
    if (c < k.D) k.u[place * k.D + c] = k.delta[place * k.D + c] = 0;
    for (int plane = 0; segments.writes && plane < k.planes; ++plane)
      k.B_shared[k.plane(place, plane) + segments.id] = 0;
  }
}

template <bool is_complex>
__global__ void __launch_bounds__(32 * kSequences, 3) block_scan_backward(BlockScan<float> op, BlockParts k) {
  using N = NumberOf<is_complex>;
  constexpr int kParts = NumberKind<N>::kParts, kEach = kStates * kParts * 32;
  __shared__ float history[kHistory + 1][kStates][kParts][kSequences][32];
  const int m = blockIdx.z, s = blockIdx.y * kSequences + threadIdx.y, c = blockIdx.x * 32 + threadIdx.x;
  const Walk walk = op.walks[m];
  if (s >= walk.sequences) return;
  const int begin = walk.first_step[s], steps = walk.first_step[s + 1] - begin;
  float* begins = k.states + ((m * k.room.sequences + s) * k.tiles + blockIdx.x) * k.pieces * kEach + threadIdx.x;
  const Segments segments(op.u.columns, op.blocks, c);
  clear_shared(k, segments, m, s, c, walk.shared);
  BlockTile<N> tile(op, m, c);
  for (int n0 = 0; n0 < tile.states; n0 += kStates) {
    tile.choose_states(n0);
    N h[kStates];
    const auto keep = [&](float* to, int part) {
      PHASEGRID_UNROLL
      for (int n = 0; n < kStates; ++n) store(to + n * kParts * part, to + (n * kParts + 1) * part, h[n]);
    };
    const auto recall = [&](const float* from, int part) {
      PHASEGRID_UNROLL
      for (int n = 0; n < kStates; ++n) h[n] = load<N>(from + n * kParts * part, from + (n * kParts + 1) * part);
    };
    const auto past = [&](int i) { return &history[i][0][0][threadIdx.y][threadIdx.x]; };
    PHASEGRID_UNROLL
    for (int n = 0; n < kStates; ++n) h[n] = NumberKind<N>::from(0.0f);
    for (int i = 0; i < steps; ++i) {
      if (i % kHistory == 0) keep(begins + i / kHistory * kEach, 32);
      tile.advance(walk.steps[begin + i], h);
    }
    BlockAdjoint<N> adjoint(k, tile, segments, s, walk.shared);
    for (int piece = (steps - 1) / kHistory; piece >= 0 && steps > 0; --piece) {
      const int from = piece * kHistory, length = steps - from < kHistory ? steps - from : kHistory;
      recall(begins + piece * kEach, 32);
      for (int i = 0; i <= length; ++i) {
        keep(past(i), kSequences * 32);
        if (i < length) tile.advance(walk.steps[begin + from + i], h);
      }
      for (int i = length - 1; i >= 0; --i) {
        const ScanStep step = walk.steps[begin + from + i];
        recall(past(i + 1), kSequences * 32);
        if (step.output >= 0) adjoint.read_out(step.output, h);
        recall(past(i), kSequences * 32);
        adjoint.pull_back(step, h);
      }
    }
    adjoint.finish();
  }
}

namespace {

dim3 warps(const BlockScan<float>& op) {
  const std::int64_t sequences = walk_room(op.u, op.most_steps).sequences;
  return {static_cast<unsigned>((op.u.width + 31) / 32),
          static_cast<unsigned>((sequences + kSequences - 1) / kSequences), static_cast<unsigned>(op.models)};
}

BlockParts partial_sums(const BlockScan<float>& op) {
  BlockParts k{};
  const std::int64_t M = op.models;
  k.room = walk_room(op.u, op.most_steps), k.outputs = capacity(op.y), k.D = op.u.width, k.tiles = (k.D + 31) / 32;
  k.pieces = ((op.most_steps > 0 ? op.most_steps : static_cast<int>(k.room.steps)) + kHistory - 1) / kHistory;
  const int parts = op.is_complex() ? 2 : 1;
  k.ids = k.tiles + op.blocks, k.planes = op.A_log.columns * parts;
  const std::int64_t row = static_cast<std::int64_t>(k.planes) * k.ids, shared = shared_size(op.models, k.room, k.D);
  const struct {
    float** place;
    std::int64_t size;
  } pieces[] = {{&k.states, M * k.room.sequences * k.tiles * k.pieces * kStates * parts * 32},
                {&k.B, M * k.room.steps * row},
                {&k.C, M * k.outputs * row},
                {&k.B_shared, M * k.room.sequences * kMostShared * row},
                {&k.u, shared},
                {&k.delta, shared},
                {&k.sums, M * k.room.sequences * 2 * k.planes * k.D},
                {&k.joined, M * 2 * k.planes * k.D}};
  Workspace workspace;
  for (const auto& piece : pieces) workspace.want<float>(piece.size);
  workspace.take();
  for (const auto& piece : pieces) *piece.place = workspace.get<float>(piece.size);
  return k;
}

template <bool is_complex>
void run_backward(const BlockScan<float>& op) {
  const BlockParts k = partial_sums(op);
  const int M = op.models, D = op.u.columns;
  launch<block_scan_backward<is_complex>>(warps(op), dim3(32, kSequences), op, k);
  const auto join_states = [&](const Rows<float>& out, const float* own, std::int64_t most, const float* shared) {
    launch<block_scan_join_states>(blocks_for(most * k.planes * op.blocks, M), kThreads, out, k, op.blocks, D, own,
                                   most, shared, op.walks);
  };
  join_states(op.B, k.B, k.room.steps, k.B_shared), join_states(op.C, k.C, k.outputs, nullptr);
  join_shared_rows(M, op.u, op.walks, k.room, k.u), join_shared_rows(M, op.delta, op.walks, k.room, k.delta);
  join_sequences(M, op.walks, k.room, 2 * static_cast<std::int64_t>(k.planes) * k.D, k.sums, k.joined);
  launch<block_scan_parameters<is_complex>>(blocks_for(static_cast<std::int64_t>(op.A_log.columns) * k.D, M), kThreads,
                                            op, k);
  pull_back_skip(M, op.u, op.y, op.skip, op.output_row);
}

}  // namespace

void forward(const BlockScan<float>& op) {
  if (op.is_complex()) launch<block_scan_forward<true>>(warps(op), dim3(32, kSequences), op);
  else launch<block_scan_forward<false>>(warps(op), dim3(32, kSequences), op);
}
void backward(const BlockScan<float>& op) { op.is_complex() ? run_backward<true>(op) : run_backward<false>(op); }

}  // namespace phasegrid::kernels::cuda
