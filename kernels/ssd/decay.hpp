// The steps of one sequence as (1) sees them: decay a_i and weight w_i of step i for every head, with runs in closed
// form, and the way back from their gradients to delta and A.
//
//   a^ = exp(delta A)    m repeats:   a = a^^m    s = 1 + a^ + .. + a^^{m-1}    r = a^ ds/da^    w = delta s
//   doubling m:  s' = s (1 + a)     r' = m a s + r (1 + a)     a' = a a       from  s = 1, r = 0
//   with g = d loss / d log a:   d_delta = g m A + d_w (s + r A delta)      d_A = g m delta + d_w r delta^2         (4)
#pragma once
#include "kernels/ssd/scratch.hpp"
#include "kernels/vec.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

template <class Real>
void decays(const Ssd<Real>& op, const SsdScratch<Real>& k, int m, const ScanStep* steps, int count) {
  for (int i = 0; i < count; ++i) k.repeats[i] = Real(1 << steps[i].log2_repeats);
  const std::int32_t* input = op.window_input[m];
  for (int e = 0; e < k.heads; ++e) {
    Real *a = k.a + e * k.steps, *w = k.w + e * k.steps, *sum = k.sum + e * k.steps, *slope = k.slope + e * k.steps;
    const Real *delta = op.delta.value(m) + e, A = k.A[e];
    for (int i = 0; i < count; ++i) w[i] = delta[static_cast<std::int64_t>(input[steps[i].row]) * op.delta.width];
    for (int i = count; i < padded(count); ++i) w[i] = 0;
    for (int i = 0; i < count; i += kLanes)
      at(a + i) = exp_lanes(Vec<Real>(at(w + i) * A)), at(sum + i) = splat(Real(1)), at(slope + i) = Vec<Real>{};
    for (int i = 0; i < count; ++i) {
      if (steps[i].log2_repeats == 0) continue;
      Real p = a[i], s = 1, r = 0;
      for (int j = 0; j < steps[i].log2_repeats; ++j) r = Real(1 << j) * p * s + r * (1 + p), s *= 1 + p, p *= p;
      a[i] = p, sum[i] = s, slope[i] = r, w[i] *= s;
    }
  }
}

// Leaves d_delta of step i in k.d_a and the sequence's d_A in k.d_A.
template <class Real>
void pull_back_decays(const SsdScratch<Real>& k, int count) {
  for (int e = 0; e < k.heads; ++e) {
    Real *w = k.w + e * k.steps, *sum = k.sum + e * k.steps, *slope = k.slope + e * k.steps;
    Real *g = k.d_a + e * k.steps, *d_w = k.d_w + e * k.steps;
    const Real A = k.A[e];
    Vec<Real> d_A{};
    for (int i = count; i < padded(count); ++i) g[i] = d_w[i] = 0, w[i] = k.repeats[i] = 0, sum[i] = 1;
    for (int i = 0; i < count; i += kLanes) {
      const Vec<Real> delta = at(w + i) / at(sum + i), gm = at(g + i) * at(k.repeats + i),
                      run = at(d_w + i) * at(slope + i) * delta;
      at(g + i) = gm * A + at(d_w + i) * at(sum + i) + run * A;  // (4): d_delta
      d_A += (gm + run) * delta;
    }
    k.d_A[e] = sum_lanes<Real>(d_A);
  }
}

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
