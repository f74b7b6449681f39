// One warp walks one sequence over 32 channels x NB states on the device: a channel a lane, states in registers, time innermost.
//
// The rows of a chunk of steps are fetched together, so that a warp waits for memory once for all of them. The CPU looks runs of equal
// steps up in a table; here each is doubled up in registers, (6) of kernels/scan/tile.hpp.
#pragma once
#include "kernels/device/reduce.hpp"
#include "kernels/scan/capacity.hpp"
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

// The rows of up to kScanChunk steps, in shared memory of one warp; rows past the last step are zero.
template <int NB, bool by_state>
struct alignas(16) StagedSteps {
  float u[kScanChunk][32], B[kScanChunk][NB], C[kScanChunk][NB];  // C: of steps that are read
  float delta[kScanChunk][by_state ? NB : 32];
  ScanStep steps[kScanChunk];
};
template <int NB, bool by_state>
struct alignas(16) StagedBack : StagedSteps<NB, by_state> {
  float d_y[kScanChunk][32];
};

// The states before each chunk of steps: from the way forward to the way back.
struct KeptStates {
  float* data;  // null: nobody comes back
  std::int64_t model, sequence;  // numbers from one to the next
  int tile, chunk;

  __device__ float* of(int m, int s) const {
    return data + m * model + s * sequence + static_cast<int>(blockIdx.x) * tile + threadIdx.x;
  }
};

// NB numbers that lie next to each other.
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
  using Staged = StagedSteps<NB, by_state>;

  const Scan<float>& op;
  int m, c, D, N, n0 = 0;
  bool active;   // lanes past the last channel only take part in sums
  float A2[NB];  // A log2(e)

  __device__ ScanTile(const Scan<float>& op, int m, int c)
      : op(op), m(m), c(c), D(op.u.width), N(op.B.columns), active(c < op.u.width) {}

  __device__ void choose_states(int first) {
    n0 = first;
    PHASEGRID_UNROLL
    for (int n = 0; n < NB; ++n) {
      const bool used = active && n0 + n < N;
      A2[n] = !used ? 0 : kLog2e * (op.A_log.values ? -expf(value(op.A_log, m)[(n0 + n) * D + c]) : op.constant_A);
    }
  }

  // Fetches steps[0 .. length) and their rows. All lanes of a warp together, as in everything below.
  __device__ void stage(Staged& to, const ScanStep* steps, int length) const {
    __syncwarp();  // nobody needs the steps before any more
    if (lane() < kScanChunk) to.steps[lane()] = lane() < length ? steps[lane()] : ScanStep{-1, -1, 0};
    __syncwarp();
    const float *u = value(op.u, m) + c, *delta = value(op.delta, m) + (by_state ? n0 : c);
    float of_u[kScanChunk], of_delta[kScanChunk];
    PHASEGRID_UNROLL
    for (int i = 0; i < kScanChunk; ++i) {
      const std::int64_t row = to.steps[i].row;
      of_u[i] = row >= 0 && active ? u[row * D] : 0;
      of_delta[i] = !by_state && row >= 0 && active ? delta[row * op.delta.width] : 0;
    }
    PHASEGRID_UNROLL
    for (int k = lane(); k < kScanChunk * NB; k += 32) {
      const int i = k / NB, n = k % NB, row = to.steps[i].row, output = to.steps[i].output;
      to.B[i][n] = row >= 0 ? value(op.B, m)[static_cast<std::int64_t>(row) * op.B.width + n0 + n] : 0;
      to.C[i][n] = output >= 0 ? value(op.C, m)[static_cast<std::int64_t>(output) * op.C.width + n0 + n] : 0;
      if (by_state) to.delta[i][n] = row >= 0 ? delta[static_cast<std::int64_t>(row) * op.delta.width + n] : 0;
    }
    PHASEGRID_UNROLL
    for (int i = 0; i < kScanChunk; ++i) {
      to.u[i][lane()] = of_u[i];
      if (!by_state) to.delta[i][lane()] = of_delta[i];
    }
    __syncwarp();
  }
  // The step sizes of a row: one for all states, or one for each.
  __device__ static void deltas(const Staged& from, int i, float (&to)[NB]) {
    if constexpr (by_state) {
      load_states(from.delta[i], to);
    } else {
      PHASEGRID_UNROLL
      for (int n = 0; n < NB; ++n) to[n] = from.delta[i][lane()];
    }
  }

  // The states after staged step i. With `product`, the decays are multiplied to it.
  __device__ void advance(const Staged& from, int i, int log2_repeats, float (&h)[NB]) const {
    float unused[NB];
    advance(from, i, log2_repeats, h, unused, false);
  }
  __device__ void advance(const Staged& from, int i, int log2_repeats, float (&h)[NB], float (&product)[NB],
                          bool wanted = true) const {
    log2_repeats > 0 ? advance_by<true>(from, i, log2_repeats, h, product, wanted)
                     : advance_by<false>(from, i, 0, h, product, wanted);
  }
  // G before the step from G after it.
  __device__ void retreat(const Staged& from, int i, int log2_repeats, float (&G)[NB]) const {
    float delta[NB];
    deltas(from, i, delta);
    PHASEGRID_UNROLL
    for (int n = 0; n < NB; ++n) G[n] *= Run(exp2_flushed(delta[n] * A2[n]), log2_repeats).p;
  }

 private:
  template <bool repeated>
  __device__ void advance_by(const Staged& from, int i, int log2_repeats, float (&h)[NB], float (&product)[NB],
                             bool wanted) const {
    const float u = from.u[i][lane()];
    float B[NB], delta[NB];
    load_states(from.B[i], B), deltas(from, i, delta);
    PHASEGRID_UNROLL
    for (int n = 0; n < NB; ++n) {
      const float a = exp2_flushed(delta[n] * A2[n]), b = B[n] * (Rule::factor(delta[n], A2[n] * kLn2, a) * u);
      const Run run(a, repeated ? log2_repeats : 0);
      h[n] = repeated ? run.p * h[n] + b * run.s : a * h[n] + b;  // (5), (1)
      if (wanted) product[n] *= run.p;
    }
  }
};

}  // namespace phasegrid::kernels::cuda
