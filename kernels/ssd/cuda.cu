#include "kernels/ssd/ssd.hpp"

#include "kernels/device/operations.hpp"
#include "kernels/ssd/device.hpp"

namespace phasegrid::kernels::cuda {

__global__ void ssd_decays(Ssd<float> op, SsdTables k) {
  const int m = blockIdx.y;
  const Walk walk = op.walks[m];
  const std::int64_t steps = walk.sequences > 0 ? walk.first_step[walk.sequences] : 0;
  for (std::int64_t i = first(); i < steps * k.heads; i += step()) {
    const int j = static_cast<int>(i / k.heads), e = static_cast<int>(i % k.heads);
    const ScanStep step = walk.steps[j];
    const float delta = value(op.delta, m)[static_cast<std::int64_t>(op.window_input.data[m][step.row]) * op.delta.width + e];
    const RunOf<float> run(expf(-delta * expf(value(op.A_log, m)[e])), step.log2_repeats);
    const std::int64_t place = (static_cast<std::int64_t>(m) * k.heads + e) * k.room.steps + j;
    k.a[place] = run.p, k.w[place] = delta * run.s;
  }
}

// With `states_only`, the states where chunks begin, for the way back.
template <bool states_only>
__global__ void __launch_bounds__(kGemmThreads, kGemmBlocks) ssd_forward(Ssd<float> op, SsdTables k) {
  __shared__ SsdShared shared;
  if (static_cast<int>(blockIdx.y) >= op.walks[blockIdx.z].sequences) return;
  SsdBlock block(op, k, shared);
  const float skip = value(op.skip, block.m)[block.e];
  int output = op.walks[block.m].first_output[block.s];
  for (int chunk = 0; chunk < block.chunks(); ++chunk) {
    block.choose(chunk, output, false);
    output += block.outputs;
    const float* h = block.state(states_only ? chunk : 0);
    if (!states_only && block.outputs > 0) {
      TileSums sums;
      clear(sums);
      gemm_add<true, true>(shared.gemm, block.C(), SsdBlock::flip(block.B()), 0, 0, 0, k.N, sums);
      each_of_tile(0, 0, sums, [&](int q, int j, float S) { shared.S[q][j] = S * shared.L[q][j] * shared.w[j]; });
      __syncthreads();
      float* y = value(op.y, block.m) + static_cast<std::int64_t>(block.first_output) * op.y.width + block.e * k.P;
      for (int p0 = 0; p0 < k.P; p0 += kTile) {
        clear(sums);
        if (block.before) {
          gemm_add<true, false>(shared.gemm, block.C(), block.of_state(h), 0, p0, 0, k.N, sums);
          each_of_tile(0, p0, sums, [&](int q, int, float& sum) { sum *= q < block.outputs ? shared.start[q] : 0; });
        }
        gemm_add<true, false>(shared.gemm, SsdBlock::of_tile(shared.S, block.outputs, block.count), block.X(), 0, p0, 0,
                              block.count, sums);
        each_of_tile(0, p0, sums, [&](int q, int p, float sum) {
          if (q < block.outputs && p < k.P) y[static_cast<std::int64_t>(q) * op.y.width + p] = sum;
        });
      }
      __syncthreads();
      for (int i = block.t; i < block.count * k.P; i += kGemmThreads)
        if (const int q = shared.output[i / k.P]; q >= 0)
          y[static_cast<std::int64_t>(q) * op.y.width + i % k.P] += skip * block.X().p[i / k.P * block.X().row + i % k.P];
    }
    if (block.after) block.advance(h, block.state(states_only ? chunk + 1 : 0));
  }
}

// The way back through one chunk, (6).
struct SsdAdjoint : SsdBlock {
  using SsdBlock::SsdBlock;
  float d_A = 0, d_skip = 0;  // this thread's terms

  // The sum over the 8 threads that have row i of a tile.
  __device__ static float row_sum(float v) {
    PHASEGRID_UNROLL
    for (int d = 4; d > 0; d /= 2) v += __shfl_xor_sync(kAllLanes, v, d);
    return v;
  }
  // S becomes dS, L becomes M, E becomes E; w's gradient inside the chunk goes to shared.dot.
  __device__ void products() {
    TileSums S, d_M;
    clear(S), clear(d_M);
    if (outputs > 0) {
      gemm_add<true, true>(shared.gemm, C(), flip(B()), 0, 0, 0, k.N, S);
      gemm_add<true, true>(shared.gemm, d_Y(), flip(X()), 0, 0, 0, k.P, d_M);
    }
    each_of_tile(0, 0, S, [&](int q, int j, float v) { shared.S[q][j] = v; });
    each_of_tile(0, 0, d_M, [&](int q, int j, float v) {
      const float S = shared.S[q][j], L = shared.L[q][j], w = shared.w[j];
      shared.S[q][j] = v * L * w, shared.L[q][j] = S * L * w, shared.E[q][j] = v * S * L;
    });
    __syncthreads();
    if (t < kTile) {
      float d_w = 0;
      for (int q = 0; q < outputs; ++q) d_w += shared.E[q][t], shared.E[q][t] *= shared.w[t];
      shared.dot[t] = d_w, shared.before[t] = 0;
    }
    __syncthreads();
  }
  __device__ void inputs(float skip) {
    const Matrix x = X(), dy = d_Y();
    for (int p0 = 0; p0 < k.P; p0 += kTile) {
      TileSums sums;
      clear(sums);
      if (after) {
        gemm_add<true, false>(shared.gemm, B(), of_state(G()), 0, p0, 0, k.N, sums);
        each_of_tile(0, p0, sums, [&](int j, int, float& sum) { sum *= shared.end[j] * shared.w[j]; });
      }
      gemm_add<false, false>(shared.gemm, flip(of_tile(shared.L, outputs, count)), dy, 0, p0, 0, outputs, sums);
      each_of_tile(0, p0, sums, [&](int j, int p, float sum) {
        if (j >= count || p >= k.P) return;
        if (const int q = shared.output[j]; q >= 0) {
          const float d = dy.p[q * dy.row + p];
          sum += skip * d, d_skip += d * x.p[j * x.row + p];
        }
        k.d_X[(m * k.room.steps + first_step + first + j) * op.u.width + e * k.P + p] = sum;
      });
    }
  }
  // dB, and E_end,j.
  __device__ void keys() {
    const Matrix b = B();
    float dots[kPart] = {};
    for (int n0 = 0; n0 < k.N; n0 += kTile) {
      TileSums sums;
      clear(sums);
      if (after) {
        gemm_add<true, true>(shared.gemm, X(), flip(of_state(G())), 0, n0, 0, k.P, sums);
        PHASEGRID_UNROLL
        for (int i = 0; i < kPart; ++i) PHASEGRID_UNROLL
        for (int l = 0; l < kPart; ++l) {
          const int j = t / 8 * kPart + i, n = n0 + t % 8 + 8 * l;
          if (j < count && n < k.N) dots[i] += sums[i][l] * b.p[j * b.row + n];
          sums[i][l] *= shared.end[j] * shared.w[j];
        }
      }
      gemm_add<false, false>(shared.gemm, flip(of_tile(shared.S, outputs, count)), C(), 0, n0, 0, outputs, sums);
      each_of_tile(0, n0, sums, [&](int j, int n, float sum) {
        if (j < count && n < k.N) k.d_B[((m * k.room.steps + first_step + first + j) * k.heads + e) * k.N + n] = sum;
      });
    }
    keep_rows(dots, shared.end);
  }
  // dC, and E_q,before.
  __device__ void queries(int number) {
    const Matrix c = C();
    float dots[kPart] = {};
    for (int n0 = 0; n0 < k.N && outputs > 0; n0 += kTile) {
      TileSums sums;
      clear(sums);
      if (before) {
        gemm_add<true, true>(shared.gemm, d_Y(), flip(of_state(state(number))), 0, n0, 0, k.P, sums);
        PHASEGRID_UNROLL
        for (int i = 0; i < kPart; ++i) PHASEGRID_UNROLL
        for (int l = 0; l < kPart; ++l) {
          const int q = t / 8 * kPart + i, n = n0 + t % 8 + 8 * l;
          if (q < outputs && n < k.N) dots[i] += sums[i][l] * c.p[q * c.row + n];
          sums[i][l] *= q < outputs ? shared.start[q] : 0;
        }
      }
      gemm_add<true, false>(shared.gemm, of_tile(shared.S, outputs, count), B(), 0, n0, 0, count, sums);
      each_of_tile(0, n0, sums, [&](int q, int n, float sum) {
        if (q < outputs && n < k.N) k.d_C[((m * k.outputs + first_output + q) * k.heads + e) * k.N + n] = sum;
      });
    }
    PHASEGRID_UNROLL
    for (int i = 0; i < kPart; ++i) {
      const int q = t / 8 * kPart + i;
      const float sum = row_sum(dots[i]);
      if (t % 8 == 0) shared.before[q] = q < outputs ? shared.start[q] * sum : 0;
    }
    __syncthreads();
  }
  // The gradient of w gets factor dots; E_end,j = w factor dots goes where the factor was.
  __device__ void keep_rows(const float (&dots)[kPart], float* factor) {
    __syncthreads();
    PHASEGRID_UNROLL
    for (int i = 0; i < kPart; ++i) {
      const int j = t / 8 * kPart + i;
      const float sum = row_sum(dots[i]);
      if (t % 8 == 0) shared.dot[j] += factor[j] * sum, factor[j] *= shared.w[j] * sum;
    }
    __syncthreads();
  }
  // G for the chunk before this one; shared.sum = E_end,before.
  __device__ void states(int number) {
    float *g = G(), sum = 0;
    const float* h = state(number);
    for (int p0 = 0; p0 < k.P && before; p0 += kTile) {
      scale(d_Y(), p0, [&](int q) { return shared.start[q]; });
      for (int n0 = 0; n0 < k.N; n0 += kTile) {
        TileSums sums;
        clear(sums);
        gemm_add<false, false>(shared.gemm, flip(C()), of_tile(shared.X, outputs, kTile), n0, 0, 0, outputs, sums);
        each_of_tile(n0, p0, sums, [&](int n, int p, float d) {
          if (n >= k.N || p >= k.P) return;
          const float passed = after ? shared.start_end * g[n * k.P + p] : 0;
          sum += passed * h[n * k.P + p], g[n * k.P + p] = passed + d;
        });
      }
      __syncthreads();
    }
    block_sum(sum, shared.sum);
  }
  // Over the block's two warps.
  __device__ void block_sum(float v, float& to) {
    v = warp_sum(v);
    if (t == 0) to = v;
    __syncthreads();
    if (t == 32) to += v;
    __syncthreads();
  }
  // (7), then (4) of kernels/ssd/decay.hpp. S becomes F: the sum of E_qj over the outputs q at and after a step.
  __device__ void decay_gradients() {
    if (t < kTile) {
      float F = after ? shared.end[t] : 0;
      for (int i = count - 1; i > t; --i) {
        if (const int q = shared.output[i]; q >= 0) F += shared.E[q][t];
        shared.S[i][t] = F;
      }
    } else if (t == kTile) {
      float F = shared.sum;
      for (int i = count - 1; i >= 0; --i) {
        if (const int q = shared.output[i]; q >= 0) F += shared.before[q];
        shared.a[i] = F;  // nobody asks for the decays again
      }
    }
    __syncthreads();
    if (t >= count) return;
    float g = shared.a[t];
    for (int j = 0; j < t; ++j) g += shared.S[t][j];
    const std::int64_t i = first_step + first + t;
    const ScanStep step = op.walks[m].steps[i];
    const float A = -expf(value(op.A_log, m)[e]),
                delta = value(op.delta, m)[static_cast<std::int64_t>(op.window_input.data[m][step.row]) * op.delta.width + e];
    const RunOf<float> run(expf(delta * A), step.log2_repeats);
    k.d_delta[(m * k.room.steps + i) * k.heads + e] = g * run.m * A + shared.dot[t] * (run.s + run.r * A * delta);
    d_A += g * run.m * delta + shared.dot[t] * run.r * delta * delta;
  }
};

__global__ void __launch_bounds__(kGemmThreads, kGemmBlocks) ssd_backward(Ssd<float> op, SsdTables k) {
  __shared__ SsdShared shared;
  if (static_cast<int>(blockIdx.y) >= op.walks[blockIdx.z].sequences) return;
  SsdAdjoint block(op, k, shared);
  int output = op.walks[block.m].first_output[block.s + 1];
  for (int chunk = block.chunks() - 1; chunk >= 0; --chunk) {
    block.choose(chunk, output, true);
    output = block.first_output;
    block.products();
    block.inputs(value(op.skip, block.m)[block.e]);
    block.keys();
    block.queries(chunk);
    block.states(chunk);
    block.decay_gradients();
  }
  __syncthreads();
  block.block_sum(block.d_A, k.d_A[k.head(block.m, block.s, block.e)]);
  block.block_sum(block.d_skip, k.d_skip[k.head(block.m, block.s, block.e)]);
}

// Over the heads of a group: in[m][row][heads][N] -> out[m][row][width].
__global__ void ssd_join_heads(SsdTables k, const float* in, float* out, std::int64_t rows, int width) {
  const int m = blockIdx.y, each = k.heads / k.groups;
  for (std::int64_t i = first(); i < rows * k.groups * k.N; i += step()) {
    const std::int64_t row = m * rows + i / (k.groups * k.N);
    const int group = static_cast<int>(i % (k.groups * k.N)) / k.N, n = static_cast<int>(i % k.N);
    float sum = 0;
    for (int e = group * each; e < (group + 1) * each; ++e) sum += in[(row * k.heads + e) * k.N + n];
    out[row * width + group * k.N + n] = sum;
  }
}
__global__ void ssd_C_backward(Ssd<float> op, SsdTables k, const float* d_C) {
  const int m = blockIdx.y, columns = k.groups * k.N;
  for (std::int64_t i = first(); i < static_cast<std::int64_t>(count(op.C, m)) * columns; i += step())
    put(grad(op.C, m)[i / columns * op.C.width + i % columns], d_C[(m * k.outputs + i / columns) * op.C.width + i % columns], op.C.add);
}
__global__ void ssd_delta_backward(Ssd<float> op, Rows<float> windows) {
  const int m = blockIdx.y, heads = op.heads;
  for (std::int64_t i = first(); i < static_cast<std::int64_t>(count(op.delta, m)) * heads; i += step()) {
    const std::int64_t row = i / heads, e = i % heads;
    const Readers steps = readers(op.window_input, op.models, m, row);
    float sum = 0;
    for (const std::int32_t* w = steps.begin; w < steps.end; ++w) sum += grad(windows, m)[static_cast<std::int64_t>(*w) * heads + e];
    put(grad(op.delta, m)[row * op.delta.width + e], sum, op.delta.add);
  }
}
__global__ void ssd_parameters_backward(Ssd<float> op, const float* d_A, const float* d_skip) {
  const int m = blockIdx.y;
  for (std::int64_t e = first(); e < op.heads; e += step()) {
    grad(op.A_log, m)[e] -= d_A[m * op.heads + e] * expf(value(op.A_log, m)[e]);  // dA / dA_log = A
    grad(op.skip, m)[e] += d_skip[m * op.heads + e];
  }
}

namespace {

// Everything in the workspace; the way forward needs only some of it.
struct SsdRun {
  Ssd<float> op;
  SsdTables k{};
  Rows<float> windows{};  // the gradients of delta as windows have them
  float *B_joined = nullptr, *C_joined = nullptr, *shared = nullptr, *A = nullptr, *skip = nullptr;

  SsdRun(const Ssd<float>& given, bool back) : op(given) {
    op.scratch = nullptr;  // the CPU's
    k.room = walk_room(op.u, op.most_steps), k.heads = op.heads, k.groups = op.groups;
    k.P = op.u.columns / op.heads, k.N = op.B.columns / op.groups, k.outputs = capacity(op.y);
    k.chunks = ((op.most_steps > 0 ? op.most_steps : static_cast<int>(k.room.steps)) + kSsdChunk - 1) / kSsdChunk;
    if (!back) k.chunks = 1;
    const std::int64_t M = op.models, steps = M * k.room.steps, heads = k.heads, states = M * k.room.sequences * heads * k.N * k.P,
                       sequences = M * k.room.sequences * heads, own = back ? 1 : 0;
    const int widest = op.u.width > op.B.width ? op.u.width : op.B.width;
    const struct {
      float** place;
      std::int64_t size;
    } pieces[] = {{&k.X, steps * op.u.width}, {&k.B, steps * op.B.width}, {&k.a, steps * heads}, {&k.w, steps * heads}, {&k.h, states * k.chunks},
                  {&k.G, own * states}, {&k.d_X, own * steps * op.u.width}, {&k.d_B, own * steps * heads * k.N},
                  {&k.d_C, own * M * k.outputs * heads * k.N}, {&k.d_delta, own * steps * heads}, {&k.d_A, own * sequences},
                  {&k.d_skip, own * sequences}, {&windows.grads, own * steps * heads}, {&B_joined, own * steps * op.B.width},
                  {&C_joined, own * M * k.outputs * op.C.width}, {&shared, own * shared_size(op.models, k.room, widest)},
                  {&A, own * M * heads}, {&skip, own * M * heads}};
    Workspace workspace;
    for (const auto& piece : pieces) workspace.want<float>(piece.size);
    workspace.take();
    for (const auto& piece : pieces) *piece.place = workspace.get<float>(piece.size);
    windows.stride = k.room.steps * heads, windows.columns = windows.width = op.heads, windows.count = op.u.count;
    pack_steps(op.models, op.u, op.walks, k.room, k.X), pack_steps(op.models, op.B, op.walks, k.room, k.B);
    launch<ssd_decays>(blocks_for(k.room.steps * heads, op.models), kThreads, op, k);
  }
  dim3 blocks() const {
    return {static_cast<unsigned>(k.heads), static_cast<unsigned>(k.room.sequences), static_cast<unsigned>(op.models)};
  }
  void join(const float* in, float* out, std::int64_t rows, int width) const {
    launch<ssd_join_heads>(blocks_for(rows * k.groups * k.N, op.models), kThreads, k, in, out, rows, width);
  }
};

}  // namespace

void forward(const Ssd<float>& op) {
  const SsdRun run(op, false);
  launch<ssd_forward<false>>(run.blocks(), kGemmThreads, run.op, run.k);
}

void backward(const Ssd<float>& given) {
  const SsdRun run(given, true);
  const Ssd<float>& op = run.op;
  const SsdTables& k = run.k;
  const int M = op.models;
  launch<ssd_forward<true>>(run.blocks(), kGemmThreads, op, k);
  launch<ssd_backward>(run.blocks(), kGemmThreads, op, k);
  unpack_steps(M, op.u, op.walks, k.room, k.d_X, run.shared);
  run.join(k.d_B, run.B_joined, k.room.steps, op.B.width);
  unpack_steps(M, op.B, op.walks, k.room, run.B_joined, run.shared);
  run.join(k.d_C, run.C_joined, k.outputs, op.C.width);
  launch<ssd_C_backward>(blocks_for(k.outputs * k.groups * k.N, M), kThreads, op, k, static_cast<const float*>(run.C_joined));
  unpack_steps(M, run.windows, op.walks, k.room, k.d_delta, run.shared);
  launch<ssd_delta_backward>(blocks_for(op.delta.stride / op.delta.width * k.heads, M), kThreads, op, run.windows);
  join_sequences(M, op.walks, k.room, k.heads, k.d_A, run.A), join_sequences(M, op.walks, k.room, k.heads, k.d_skip, run.skip);
  launch<ssd_parameters_backward>(blocks_for(k.heads, M), kThreads, op, static_cast<const float*>(run.A),
                                  static_cast<const float*>(run.skip));
}

}  // namespace phasegrid::kernels::cuda
