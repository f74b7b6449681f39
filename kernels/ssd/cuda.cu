#include "kernels/ssd/ssd.hpp"

#include "kernels/device/operations.hpp"
#include "kernels/ssd/adjoint.hpp"

namespace phasegrid::kernels::cuda {

__global__ void ssd_decays(Ssd<float> op, SsdTables k) {
  const int m = blockIdx.y;
  const Walk walk = op.walks[m];
  const std::int64_t steps = walk.sequences > 0 ? walk.first_step[walk.sequences] : 0;
  for (std::int64_t i = first(); i < steps * k.heads; i += step()) {
    const int j = static_cast<int>(i / k.heads), e = static_cast<int>(i % k.heads);
    const ScanStep step = walk.steps[j];
    const float delta =
        value(op.delta, m)[static_cast<std::int64_t>(op.window_input.data[m][step.row]) * op.delta.width + e];
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
          y[static_cast<std::int64_t>(q) * op.y.width + i % k.P] +=
              skip * block.X().p[i / k.P * block.X().row + i % k.P];
    }
    if (block.after) block.advance(h, block.state(states_only ? chunk + 1 : 0));
  }
}

__global__ void __launch_bounds__(kGemmThreads, 6) ssd_backward(Ssd<float> op, SsdTables k) {
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
    put(grad(op.C, m)[i / columns * op.C.width + i % columns],
        d_C[(m * k.outputs + i / columns) * op.C.width + i % columns], op.C.add);
}
// A warp for each row: thousands of windows may share one.
__global__ void ssd_delta_backward(Ssd<float> op, Rows<float> windows) {
  const int m = blockIdx.y, heads = op.heads;
  for (std::int64_t i = first() / 32; i < static_cast<std::int64_t>(count(op.delta, m)) * heads; i += step() / 32) {
    const std::int64_t row = i / heads, e = i % heads;
    const Readers steps = readers(op.window_input, op.models, m, row);
    float sum = 0;
    PHASEGRID_UNROLL_SOME
    for (const std::int32_t* w = steps.begin + lane(); w < steps.end; w += 32)
      sum += grad(windows, m)[static_cast<std::int64_t>(*w) * heads + e];
    sum = warp_sum(sum);
    if (lane() == 0) put(grad(op.delta, m)[row * op.delta.width + e], sum, op.delta.add);
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
    const std::int64_t M = op.models, steps = M * k.room.steps, heads = k.heads,
                       states = M * k.room.sequences * heads * k.N * k.P, sequences = M * k.room.sequences * heads,
                       own = back ? 1 : 0;
    const int widest = op.u.width > op.B.width ? op.u.width : op.B.width;
    const struct {
      float** place;
      std::int64_t size;
    } pieces[] = {{&k.X, steps * op.u.width},
                  {&k.B, steps * op.B.width},
                  {&k.a, steps * heads},
                  {&k.w, steps * heads},
                  {&k.h, states * k.chunks},
                  {&k.G, own * states},
                  {&k.d_X, own * steps * op.u.width},
                  {&k.d_B, own * steps * heads * k.N},
                  {&k.d_C, own * M * k.outputs * heads * k.N},
                  {&k.d_delta, own * steps * heads},
                  {&k.d_A, own * sequences},
                  {&k.d_skip, own * sequences},
                  {&windows.grads, own * steps * heads},
                  {&B_joined, own * steps * op.B.width},
                  {&C_joined, own * M * k.outputs * op.C.width},
                  {&shared, own * shared_size(op.models, k.room, widest)},
                  {&A, own * M * heads},
                  {&skip, own * M * heads}};
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
  launch<ssd_C_backward>(blocks_for(k.outputs * k.groups * k.N, M), kThreads, op, k,
                         static_cast<const float*>(run.C_joined));
  unpack_steps(M, run.windows, op.walks, k.room, k.d_delta, run.shared);
  launch<ssd_delta_backward>(blocks_for(capacity(op.delta) * k.heads * 32, M), kThreads, op, run.windows);
  join_sequences(M, op.walks, k.room, k.heads, k.d_A, run.A),
      join_sequences(M, op.walks, k.room, k.heads, k.d_skip, run.skip);
  launch<ssd_parameters_backward>(blocks_for(k.heads, M), kThreads, op, static_cast<const float*>(run.A),
                                  static_cast<const float*>(run.skip));
}

}  // namespace phasegrid::kernels::cuda
