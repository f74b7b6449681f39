// A warp walks one sequence over 32 channels, a channel a lane, NB modes in registers; further modes in further walks. Nothing is
// shared between lanes. On the way back h is kept every kHistory steps, recomputed piece by piece into shared memory, and the
// adjoint walks it backwards: (4) and (5) of kernels/s4d/cpu.cpp.
#include "kernels/s4d/s4d.hpp"

#include "kernels/device/operations.hpp"
#include "kernels/device/reduce.hpp"
#include "kernels/device/walks.hpp"
#include "kernels/s4d/table.hpp"

namespace phasegrid::kernels::cuda {
namespace {

constexpr int kSequences = 4;  // of a block: a warp each
constexpr int kHistory = 8;    // steps whose states are recomputed together on the way back

// Room in the workspace for the way back.
struct S4dParts {
  std::int64_t S;
  int tiles, pieces;
  float* states;    // [M][S][tiles][pieces][NB][parts][32]: h where pieces begin
  float* shared_u;  // [M][S][kMostShared][D]
  ModeTable sums;   // of each sequence: [M S][3][parts][modes][D]
};

}  // namespace

template <int NB, class N>
struct S4dModes {
  N a[NB], b[NB], C[NB];

  __device__ S4dModes(const S4d<float>& op, const ModeTable& modes, int m, int n0, int c) {
    const N none = NumberKind<N>::from(0.0f);
    PHASEGRID_UNROLL
    for (int n = 0; n < NB; ++n) {
      const bool used = n0 + n < modes.modes && c < modes.D;
      a[n] = used ? modes.get<N>(m, kModeA, n0 + n, c) : none, b[n] = used ? modes.get<N>(m, kModeB, n0 + n, c) : none;
      C[n] = used ? mode_C<N>(op.parameters, m, n0 + n, c) : none;
    }
  }
  __device__ void advance(const ScanStep& step, float u, N (&h)[NB]) const {
    if (step.log2_repeats == 0) {
      PHASEGRID_UNROLL
      for (int n = 0; n < NB; ++n) h[n] = a[n] * h[n] + b[n] * u;  // (2)
      return;
    }
    PHASEGRID_UNROLL
    for (int n = 0; n < NB; ++n) {
      const RunOf<N> run(a[n], step.log2_repeats);
      h[n] = run.p * h[n] + run.s * (b[n] * u);  // (5)
    }
  }
};

template <int NB, bool is_complex>
__global__ void __launch_bounds__(32 * kSequences, 4) s4d_forward(S4d<float> op, ModeTable modes) {
  using N = NumberOf<is_complex>;
  const int m = blockIdx.z, s = blockIdx.y * kSequences + threadIdx.y, c = blockIdx.x * 32 + threadIdx.x;
  const Walk walk = op.walks[m];
  if (s >= walk.sequences || c >= modes.D) return;
  const float *u = value(op.u, m) + c, skip = value(op.skip, m)[c];
  float* y = value(op.y, m) + c;
  for (int n0 = 0; n0 < modes.modes; n0 += NB) {
    const S4dModes<NB, N> k(op, modes, m, n0, c);
    N h[NB];
    PHASEGRID_UNROLL
    for (int n = 0; n < NB; ++n) h[n] = NumberKind<N>::from(0.0f);
    for (int i = walk.first_step[s]; i < walk.first_step[s + 1]; ++i) {
      const ScanStep step = walk.steps[i];
      const float u_t = u[static_cast<std::int64_t>(step.row) * modes.D];
      k.advance(step, u_t, h);
      if (step.output < 0) continue;
      float sum = 0;
      PHASEGRID_UNROLL
      for (int n = 0; n < NB; ++n) sum += real_product(k.C[n], h[n]);
      float& to = y[static_cast<std::int64_t>(step.output) * modes.D];
      to = (n0 > 0 ? to : skip * u_t) + NumberKind<N>::kParts * sum;  // (3)
    }
  }
}

// What one thread carries back through time.
template <int NB, class N>
struct S4dAdjoints {
  const S4dModes<NB, N>& k;
  N G[NB], d_C[NB], d_b[NB], g[NB];

  __device__ explicit S4dAdjoints(const S4dModes<NB, N>& modes) : k(modes) {
    PHASEGRID_UNROLL
    for (int n = 0; n < NB; ++n) G[n] = d_C[n] = d_b[n] = g[n] = NumberKind<N>::from(0.0f);
  }
  __device__ void read_out(float d_y, const N (&h)[NB]) {
    PHASEGRID_UNROLL
    for (int n = 0; n < NB; ++n) d_C[n] += conj(h[n]) * d_y, G[n] += conj(k.C[n]) * d_y;
  }
  // h: the states before the step; returns the gradient of u.
  __device__ float pull_back(const ScanStep& step, float u, const N (&h)[NB]) {
    float d_u = 0;
    PHASEGRID_UNROLL
    for (int n = 0; n < NB; ++n) {
      if (step.log2_repeats == 0) {
        d_b[n] += G[n] * u, d_u += real_dot(k.b[n], G[n]);
        G[n] = conj(k.a[n]) * G[n], g[n] += conj(h[n]) * G[n];  // (4)
      } else {
        const RunOf<N> run(k.a[n], step.log2_repeats);
        const N S = conj(run.s) * G[n];
        d_b[n] += S * u, d_u += real_dot(k.b[n], S);
        g[n] += conj(run.p * h[n] * run.m + run.r * (k.b[n] * u)) * G[n];  // (5)
        G[n] = conj(run.p) * G[n];
      }
    }
    return d_u;
  }
};

template <int NB, bool is_complex>
__global__ void __launch_bounds__(32 * kSequences, 4) s4d_backward(S4d<float> op, ModeTable modes, S4dParts parts) {
  using N = NumberOf<is_complex>;
  constexpr int kParts = NumberKind<N>::kParts;
  __shared__ float history[kHistory + 1][NB][kParts][kSequences][32];
  const int m = blockIdx.z, s = blockIdx.y * kSequences + threadIdx.y, c = blockIdx.x * 32 + threadIdx.x;
  const Walk walk = op.walks[m];
  if (s >= walk.sequences || c >= modes.D) return;
  const int begin = walk.first_step[s], count = walk.first_step[s + 1] - begin, D = modes.D;
  const ScanStep* steps = walk.steps + begin;
  const std::int64_t place = m * parts.S + s;
  float* begins = parts.states + (place * parts.tiles + blockIdx.x) * parts.pieces * NB * kParts * 32 + threadIdx.x;
  float* shared_u = parts.shared_u + place * kMostShared * D + c;
  for (int row = 0; row < walk.shared; ++row) shared_u[row * D] = 0;
  const auto kept = [&](float* at, int n) { return at + n * kParts * 32; };
  const auto past = [&](int i, int n) { return &history[i][n][0][threadIdx.y][threadIdx.x]; };
  for (int n0 = 0; n0 < modes.modes; n0 += NB) {
    const S4dModes<NB, N> k(op, modes, m, n0, c);
    N h[NB];
    PHASEGRID_UNROLL
    for (int n = 0; n < NB; ++n) h[n] = NumberKind<N>::from(0.0f);
    for (int i = 0; i < count; ++i) {
      float* here = begins + i / kHistory * NB * kParts * 32;
      PHASEGRID_UNROLL
      for (int n = 0; i % kHistory == 0 && n < NB; ++n) store(kept(here, n), kept(here, n) + 32, h[n]);
      k.advance(steps[i], value(op.u, m)[static_cast<std::int64_t>(steps[i].row) * D + c], h);
    }
    S4dAdjoints<NB, N> adjoint(k);
    for (int piece = (count - 1) / kHistory; piece >= 0 && count > 0; --piece) {
      const int from = piece * kHistory, length = count - from < kHistory ? count - from : kHistory;
      float* here = begins + piece * NB * kParts * 32;
      PHASEGRID_UNROLL
      for (int n = 0; n < NB; ++n) h[n] = load<N>(kept(here, n), kept(here, n) + 32);
      for (int i = 0; i <= length; ++i) {
        PHASEGRID_UNROLL
        for (int n = 0; n < NB; ++n) store(past(i, n), past(i, n) + kSequences * 32, h[n]);
        if (i < length) k.advance(steps[from + i], value(op.u, m)[static_cast<std::int64_t>(steps[from + i].row) * D + c], h);
      }
      for (int i = length - 1; i >= 0; --i) {
        const ScanStep step = steps[from + i];
        const std::int64_t row = static_cast<std::int64_t>(step.row) * D + c;
        PHASEGRID_UNROLL
        for (int n = 0; n < NB; ++n) h[n] = load<N>(past(i + 1, n), past(i + 1, n) + kSequences * 32);
        if (step.output >= 0) adjoint.read_out(kParts * grad(op.y, m)[static_cast<std::int64_t>(step.output) * D + c], h);
        PHASEGRID_UNROLL
        for (int n = 0; n < NB; ++n) h[n] = load<N>(past(i, n), past(i, n) + kSequences * 32);
        const float d_u = adjoint.pull_back(step, value(op.u, m)[row], h);
        if (step.row >= walk.shared) put(grad(op.u, m)[row], d_u, op.u.add || n0 > 0);
        else shared_u[step.row * D] += d_u;
      }
    }
    PHASEGRID_UNROLL
    for (int n = 0; n < NB; ++n) {
      if (n0 + n >= modes.modes) continue;
      const int which = static_cast<int>(place);
      parts.sums.set(which, kByC, n0 + n, c, adjoint.d_C[n]), parts.sums.set(which, kByB, n0 + n, c, adjoint.d_b[n]);
      parts.sums.set(which, kByA, n0 + n, c, adjoint.g[n]);
    }
  }
}

namespace {

dim3 warps(const S4d<float>& op) {
  const std::int64_t sequences = walk_room(op.u, op.most_steps).sequences;
  return {static_cast<unsigned>((op.u.width + 31) / 32), static_cast<unsigned>((sequences + kSequences - 1) / kSequences),
          static_cast<unsigned>(op.models)};
}

template <int NB, bool is_complex>
void run_forward(const S4d<float>& op) {
  ModeTable modes = mode_table(op.parameters, 2);
  Workspace workspace;
  workspace.want<float>(op.models * modes.size()).take();
  modes.p = workspace.get<float>(op.models * modes.size());
  find_modes(op.models, op.parameters, modes);
  launch<s4d_forward<NB, is_complex>>(warps(op), dim3(32, kSequences), op, modes);
}

template <int NB, bool is_complex>
void run_backward(const S4d<float>& op) {
  const WalkRoom room = walk_room(op.u, op.most_steps);
  const std::int64_t M = op.models, D = op.u.width;
  ModeTable modes = mode_table(op.parameters, 2), sums = mode_table(op.parameters, 3);
  S4dParts parts{};
  parts.S = room.sequences, parts.tiles = static_cast<int>((D + 31) / 32), parts.sums = sums;
  parts.pieces = static_cast<int>(((op.most_steps > 0 ? op.most_steps : room.steps) + kHistory - 1) / kHistory);
  const std::int64_t states = M * parts.S * parts.tiles * parts.pieces * NB * modes.parts * 32,
                     shared = shared_size(op.models, room, op.u.width);
  Workspace workspace;
  workspace.want<float>(M * modes.size()).want<float>(M * sums.size()).want<float>(M * parts.S * sums.size());
  workspace.want<float>(states).want<float>(shared).take();
  modes.p = workspace.get<float>(M * modes.size()), sums.p = workspace.get<float>(M * sums.size());
  parts.sums.p = workspace.get<float>(M * parts.S * sums.size());
  parts.states = workspace.get<float>(states), parts.shared_u = workspace.get<float>(shared);
  find_modes(op.models, op.parameters, modes);
  launch<s4d_backward<NB, is_complex>>(warps(op), dim3(32, kSequences), op, modes, parts);
  join_shared_rows(op.models, op.u, op.walks, room, parts.shared_u);
  join_sequences(op.models, op.walks, room, sums.size(), parts.sums.p, sums.p);
  pull_back_modes(op.models, op.parameters, sums);
  pull_back_skip(op.models, op.u, op.y, op.skip, op.output_row);
}

}  // namespace

void forward(const S4d<float>& op) { op.parameters.is_complex() ? run_forward<4, true>(op) : run_forward<8, false>(op); }
void backward(const S4d<float>& op) { op.parameters.is_complex() ? run_backward<4, true>(op) : run_backward<8, false>(op); }

}  // namespace phasegrid::kernels::cuda
