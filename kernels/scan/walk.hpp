// One warp walks one sequence over 32 channels x NB states on the device: a channel a lane, states in registers, time innermost.
//
// The CPU looks runs of equal steps up in a table; here each is doubled up in registers, (6) of kernels/scan/tile.hpp.
#pragma once
#include "kernels/device/reduce.hpp"
#include "kernels/scan/rules.hpp"
#include "kernels/scan/scan.hpp"

namespace phasegrid::kernels::cuda {

constexpr int kSequences = 4;  // of a block: a warp each

// m = 2^log2 equal steps: p = a^m, s = 1 + a + .. + a^{m-1}, r as in (6).
struct Run {
  float p, s, r, m;
  __device__ Run(float a, int log2_repeats) : p(a), s(1), r(0), m(1) {
    PHASEGRID_KEEP_LOOP
    for (int i = 0; i < log2_repeats; ++i) r = m * p * s + r * (1 + p), s *= 1 + p, p *= p, m *= 2;
  }
};

// NB numbers that lie next to each other: n0 and the width of rows are multiples of NB.
template <int NB>
__device__ void load_states(const float* from, float (&to)[NB]) {
  PHASEGRID_UNROLL
  for (int n = 0; n < NB; n += 4) {
    const float4 four = *reinterpret_cast<const float4*>(from + n);
    to[n] = four.x, to[n + 1] = four.y, to[n + 2] = four.z, to[n + 3] = four.w;
  }
}

template <int NB, class Rule, bool by_state>
struct ScanTile {
  const float *u, *delta, *B, *C;  // of this model and channel; B, C and steps of states: of this model
  int D, N, delta_width, B_width, C_width, n0 = 0;
  bool active;  // lanes past the last channel only take part in sums
  float A2[NB];  // A log2(e)

  __device__ ScanTile(const Scan<float>& op, int m, int c)
      : u(value(op.u, m) + c),
        delta(value(op.delta, m) + (by_state ? 0 : c)),
        B(value(op.B, m)),
        C(value(op.C, m)),
        D(op.u.width),
        N(op.B.columns),
        delta_width(op.delta.width),
        B_width(op.B.width),
        C_width(op.C.width),
        active(c < op.u.width) {}

  __device__ void choose_states(const Scan<float>& op, int m, int c, int first) {
    n0 = first;
    PHASEGRID_UNROLL
    for (int n = 0; n < NB; ++n)
      A2[n] = !active || n0 + n >= N ? 0
                                     : kLog2e * (op.A_log.values ? -expf(value(op.A_log, m)[(n0 + n) * D + c]) : op.constant_A);
  }
  __device__ float u_of(int row) const { return active ? u[static_cast<std::int64_t>(row) * D] : 0; }
  // The step sizes of a row: one for all states, or one for each.
  __device__ void deltas_of(int row, float (&to)[NB]) const {
    if (by_state) return load_states(delta + static_cast<std::int64_t>(row) * delta_width + n0, to);
    const float of_channel = active ? delta[static_cast<std::int64_t>(row) * delta_width] : 0;
    PHASEGRID_UNROLL
    for (int n = 0; n < NB; ++n) to[n] = of_channel;
  }
  __device__ void B_of(int row, float (&to)[NB]) const {
    load_states(B + static_cast<std::int64_t>(row) * B_width + n0, to);
  }
  __device__ void C_of(int output, float (&to)[NB]) const {
    load_states(C + static_cast<std::int64_t>(output) * C_width + n0, to);
  }

  __device__ void advance(const ScanStep& step, float (&h)[NB]) const {
    float unused[NB];
    advance(step, h, unused, false);
  }
  // With `product`, the decays of all states are multiplied to it.
  __device__ void advance(const ScanStep& step, float (&h)[NB], float (&product)[NB], bool wanted = true) const {
    step.log2_repeats > 0 ? advance_by<true>(step, h, product, wanted) : advance_by<false>(step, h, product, wanted);
  }
  // G before the step from G after it.
  __device__ void retreat(const ScanStep& step, float (&G)[NB]) const {
    float delta[NB];
    deltas_of(step.row, delta);
    PHASEGRID_UNROLL
    for (int n = 0; n < NB; ++n) G[n] *= Run(exp2_flushed(delta[n] * A2[n]), step.log2_repeats).p;
  }

 private:
  template <bool repeated>
  __device__ void advance_by(const ScanStep& step, float (&h)[NB], float (&product)[NB], bool wanted) const {
    const float u = u_of(step.row);
    float B[NB], delta[NB];
    B_of(step.row, B), deltas_of(step.row, delta);
    PHASEGRID_UNROLL
    for (int n = 0; n < NB; ++n) {
      const float a = exp2_flushed(delta[n] * A2[n]), b = B[n] * (Rule::factor(delta[n], A2[n] * kLn2, a) * u);
      const Run run(a, repeated ? step.log2_repeats : 0);
      h[n] = repeated ? run.p * h[n] + b * run.s : a * h[n] + b;  // (5), (1)
      if (wanted) product[n] *= run.p;
    }
  }
};

}  // namespace phasegrid::kernels::cuda
