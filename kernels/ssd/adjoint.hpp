// The way back through one chunk of kernels/ssd/device.hpp: (6) and (7) of kernels/ssd/chunk.hpp, (4) of
// kernels/ssd/decay.hpp.
#pragma once
#include "kernels/ssd/device.hpp"

namespace phasegrid::kernels::cuda {

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
                delta = value(op.delta,
                              m)[static_cast<std::int64_t>(op.window_input.data[m][step.row]) * op.delta.width + e];
    const RunOf<float> run(expf(delta * A), step.log2_repeats);
    k.d_delta[(m * k.room.steps + i) * k.heads + e] = g * run.m * A + shared.dot[t] * (run.s + run.r * A * delta);
    d_A += g * run.m * delta + shared.dot[t] * run.r * delta * delta;
  }
};

}  // namespace phasegrid::kernels::cuda
