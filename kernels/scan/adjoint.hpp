// The way back of the scan through one step, by one warp over 32 channels x NB states (kernels/scan/walk.hpp).
#pragma once
#include "kernels/scan/joins.hpp"
#include "kernels/scan/walk.hpp"

namespace phasegrid::kernels::cuda {

// What one thread carries back through time, (3) and (4) of kernels/scan/tile.hpp.
template <int NB, class Rule, bool by_state>
struct Adjoint {
  const Scan<float>& op;
  const ScanParts& parts;
  const ScanTile<NB, Rule, by_state>& tile;
  const StagedBack<NB, by_state>& staged;
  int m, s, c, shared;  // s: of the warp
  float skip;
  float G[NB] = {}, d_A[NB] = {}, d_skip = 0;

  // own: of a row that only this sequence has.
  __device__ void keep_states(float (&v)[NB], float* to_own, float* to_shared, int row) {
    const float sum = warp_sums<NB>(v);
    if (!writes<NB>(lane())) return;
    const int n = tile.n0 + summed_by<NB>(lane()), t = blockIdx.x;
    if (row >= shared) to_own[parts.of_row(m, parts.R, row, t) + n] = sum;
    else to_shared[parts.of_shared(m, s, row, t) + n] += sum;
  }
  __device__ void keep_channel(int row, float d_u, float d_delta) {
    if (!tile.active) return;
    const std::int64_t i = static_cast<std::int64_t>(row) * tile.D + c;
    if (row >= shared) {
      put(grad(op.u, m)[i], d_u, op.u.add || tile.n0 > 0);
      if (!by_state) put(grad(op.delta, m)[i], d_delta, op.delta.add || tile.n0 > 0);
    } else {
      parts.u_rows[parts.shared_row(m, s, row) + c] += d_u;
      if (!by_state) parts.delta_rows[parts.shared_row(m, s, row) + c] += d_delta;
    }
  }
  // Of an output at staged step i, h the states after it: what goes to u past the states.
  __device__ float read_out(int i, int output, const float (&h)[NB]) {
    const float d_y = staged.d_y[i][lane()];
    float C[NB], v[NB];
    load_states(staged.C[i], C);
    PHASEGRID_UNROLL
    for (int n = 0; n < NB; ++n) v[n] = d_y * h[n], G[n] += C[n] * d_y;  // (3)
    const float sum = warp_sums<NB>(v);
    if (writes<NB>(lane()))
      parts.C[parts.of_row(m, parts.Q, output, blockIdx.x) + tile.n0 + summed_by<NB>(lane())] = sum;
    if (!op.skip.values || tile.n0 > 0) return 0;
    d_skip += d_y * staged.u[i][lane()];
    return skip * d_y;
  }
  // Of staged step i, h the states before it; past: what u receives besides.
  __device__ void pull_back(int i, const ScanStep& step, const float (&h)[NB], float past) {
    step.log2_repeats > 0 ? pull_back_by<true>(i, step, h, past) : pull_back_by<false>(i, step, h, past);
  }
  template <bool repeated>
  __device__ void pull_back_by(int i, const ScanStep& step, const float (&h)[NB], float past) {
    const float u = staged.u[i][lane()];
    float B[NB], delta[NB], d_B[NB], d_step[NB], d_fu = 0, d_delta = 0;
    load_states(staged.B[i], B), tile.deltas(staged, i, delta);
    PHASEGRID_UNROLL
    for (int n = 0; n < NB; ++n) {
      const float A = tile.A2[n] * kLn2, a = exp2_flushed(delta[n] * tile.A2[n]), f = Rule::factor(delta[n], A, a);
      const Run run(a, repeated ? step.log2_repeats : 0);
      const float S = repeated ? G[n] * run.s : G[n];  // the sum of G over the repeats
      d_B[n] = S * (f * u);
      float d = 0;
      if (by_state || Rule::kPerState) {
        d_fu += B[n] * S * f;
        d = B[n] * u * S * Rule::by_delta(a);
        d_A[n] += B[n] * u * S * Rule::by_A(delta[n], A, a);
      } else {
        d_fu += B[n] * S;
      }
      const float p = repeated ? run.p : a;
      const float g = G[n] * (repeated ? run.m * p * h[n] + run.r * (B[n] * (f * u)) : p * h[n]);  // (5)
      d += g * A, d_A[n] += g * delta[n], G[n] *= p;
      if (by_state) d_step[n] = d;
      else d_delta += d;
    }
    if (!by_state && !Rule::kPerState) {
      d_delta += d_fu * u * Rule::by_delta(0);
      d_fu *= Rule::factor(delta[0], 0, 0);
    }
    keep_channel(step.row, d_fu + past, d_delta);
    keep_states(d_B, parts.B, parts.B_shared, step.row);
    if (by_state) keep_states(d_step, parts.delta, parts.delta_shared, step.row);
  }
};

// Sums for shared rows begin at zero: each thread and each writing lane clears its own.
template <int NB, bool by_state>
__device__ void clear_shared(const ScanParts& parts, int m, int s, int c, int shared) {
  for (int row = 0; row < shared; ++row) {
    if (c < parts.D) parts.u_rows[parts.shared_row(m, s, row) + c] = 0;
    if (c < parts.D && !by_state) parts.delta_rows[parts.shared_row(m, s, row) + c] = 0;
    for (int n = summed_by<NB>(lane()); writes<NB>(lane()) && n < parts.Np; n += NB) {
      parts.B_shared[parts.of_shared(m, s, row, blockIdx.x) + n] = 0;
      if (by_state) parts.delta_shared[parts.of_shared(m, s, row, blockIdx.x) + n] = 0;
    }
  }
}

}  // namespace phasegrid::kernels::cuda
