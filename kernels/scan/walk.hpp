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

template <int NB, class Rule, bool by_state>
struct ScanTile {
  const float *u, *delta, *B, *C;  // of this model and channel; B, C and steps of states: of this model
  int D, N, delta_width, B_width, C_width, n0 = 0;
  bool active;  // lanes past the last channel only take part in sums
  float A[NB];

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
      A[n] = !active || n0 + n >= N ? 0 : op.A_log.values ? -expf(value(op.A_log, m)[(n0 + n) * D + c]) : op.constant_A;
  }
  __device__ float u_of(int row) const { return active ? u[static_cast<std::int64_t>(row) * D] : 0; }
  __device__ float delta_of(int row) const {
    return !by_state && active ? delta[static_cast<std::int64_t>(row) * delta_width] : 0;
  }
  __device__ float delta_of(int row, int n, float of_channel) const {
    return by_state ? delta[static_cast<std::int64_t>(row) * delta_width + n0 + n] : of_channel;
  }
  __device__ const float* B_of(int row) const { return B + static_cast<std::int64_t>(row) * B_width + n0; }
  __device__ const float* C_of(int output) const { return C + static_cast<std::int64_t>(output) * C_width + n0; }

  __device__ void advance(const ScanStep& step, float (&h)[NB]) const {
    float unused[NB];
    advance(step, h, unused, false);
  }
  // With `product`, the decays of all states are multiplied to it.
  __device__ void advance(const ScanStep& step, float (&h)[NB], float (&product)[NB], bool wanted = true) const {
    const float u = u_of(step.row), delta_c = delta_of(step.row);
    const float* B = B_of(step.row);
    PHASEGRID_UNROLL
    for (int n = 0; n < NB; ++n) {
      const float delta = delta_of(step.row, n, delta_c), a = expf(delta * A[n]);
      const Run run(a, step.log2_repeats);
      h[n] = run.p * h[n] + B[n] * (Rule::factor(delta, A[n], a) * u) * run.s;  // (5); (1) for one step
      if (wanted) product[n] *= run.p;
    }
  }
  // G before the step from G after it.
  __device__ void retreat(const ScanStep& step, float (&G)[NB]) const {
    const float delta_c = delta_of(step.row);
    PHASEGRID_UNROLL
    for (int n = 0; n < NB; ++n) G[n] *= Run(expf(delta_of(step.row, n, delta_c) * A[n]), step.log2_repeats).p;
  }
};

}  // namespace phasegrid::kernels::cuda
