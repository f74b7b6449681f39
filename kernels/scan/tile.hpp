// The scan of one sequence over one tile of kLanes channels x NB states: channels across lanes, states across registers, time
// innermost. Sums over n are additions of registers; dB and dC need sums over lanes and are left as kLanes partial sums.
//
//   G_t = dy_t C_t + a_{t+1} G_{t+1}                                                                            (3)
//   dB_t = sum_c G_t f_t u_t     d(f u)_t = sum_n G_t B_t     g = a_t G_t h_{t-1}:  d delta_t = sum_n g A, dA = sum_t g delta_t   (4)
//
// m equal steps in a row, b = f B u, p = a^m, s = 1 + a + .. + a^{m-1}:
//   h_m = p h_0 + s b        sum of G_t = s G_m        sum of g = G_m (m p h_0 + r b)                            (5)
//   doubling m:  p' = p p     s' = s (1 + p)     r' = m p s + r (1 + p)     from  p = a, s = 1, r = 0            (6)
#pragma once
#include "kernels/scan/math.hpp"
#include "kernels/scan/scan.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

// Pointers of one model, and what one sequence of it is.
template <class Real>
struct ScanView {
  std::int64_t D, delta_width;                // row lengths: of u and y (padded channels), of delta
  const ScanStep* steps;
  int count, shared, first_row, first_output;
  const Real *u, *delta, *B, *C, *A, *A2;     // A, A2 = A log2(e): [padded N][D]
  std::int64_t B_width, C_width;
  Real* y;
  const Real* d_y;
  Real *d_fu, *d_delta, *d_A;                 // [row][D], [row][D], [padded N][D]
  Real *d_B, *d_B_shared, *d_C;               // partial sums over lanes: [own row][NB], [shared][NB], [output][NB], each of kLanes
  Real *d_step, *d_step_shared;               // d delta of states, like d_B
};

// The step sizes of one row in one tile: one for every channel, or one for every state.
template <class Real, bool by_state>
struct StepSizes {
  Vec<Real> channels;
  const Real* states;

  PHASEGRID_INLINE StepSizes(const ScanView<Real>& k, std::int64_t row, int c, int n0)
      : channels(by_state ? Vec<Real>{} : at(k.delta + row * k.delta_width + c)), states(k.delta + row * k.delta_width + n0) {}
  PHASEGRID_INLINE Vec<Real> operator[](int n) const { return by_state ? splat(states[n]) : channels; }
};

// The table of runs for one tile: [shared][kPowers][p, s, r][NB][kLanes]
template <class Real, int NB, bool by_state>
void run_table(const ScanView<Real>& k, int c, int n0, Real* table) {
  for (int row = 0; row < k.shared; ++row)
    for (int n = 0; n < NB; ++n) {
      Vec<Real> p = exp2_lanes(Vec<Real>(StepSizes<Real, by_state>(k, row, c, n0)[n] * at(k.A2 + (n0 + n) * k.D + c))), s = splat(Real(1)), r{};
      for (int i = 0; i < kPowers; ++i) {
        Real* t = table + (static_cast<std::int64_t>(row * kPowers + i) * 3 * NB + n) * kLanes;
        at(t) = p, at(t + NB * kLanes) = s, at(t + 2 * NB * kLanes) = r;
        r = Real(1 << i) * p * s + r * (1 + p), s = s * (1 + p), p = p * p;  // (6)
      }
    }
}

// With `keep`, a_t of own rows and h_t go to a_own [own row][NB] and h_own [step + 1][NB]; otherwise y accumulates (2).
template <class Real, int NB, class Rule, bool by_state, bool keep>
void scan_forward(const ScanView<Real>& k, int c, int n0, const Real* table, Real* a_own, Real* h_own) {
  constexpr int kTile = NB * kLanes;
  Vec<Real> h[NB], A2[NB];
  unrolled<NB>([&](auto n) PHASEGRID_LAMBDA {
    h[n] = Vec<Real>{}, A2[n] = at(k.A2 + (n0 + n) * k.D + c);
    if constexpr (keep) at(h_own + n * kLanes) = h[n];
  });
  for (int i = 0; i < k.count; ++i) {
    const ScanStep step = k.steps[i];
    const StepSizes<Real, by_state> delta(k, step.row, c, n0);
    const Vec<Real> u = at(k.u + step.row * k.D + c);
    if (!keep) __builtin_prefetch(k.u + step.row * k.D + c + kLanes);  // of the next tile: rows lie too far apart for the machine to guess
    if (!keep && !by_state) __builtin_prefetch(k.delta + step.row * k.delta_width + c + kLanes);
    const Real* B = k.B + step.row * k.B_width + n0;
    if (step.row < k.shared) {
      const Real *first = table + step.row * kPowers * 3 * kTile, *t = first + step.log2_repeats * 3 * kTile;
      unrolled<NB>([&](auto n) PHASEGRID_LAMBDA {
        const Vec<Real> f = Rule::factor(delta[n], at(k.A + (n0 + n) * k.D + c), at(first + n * kLanes));
        h[n] = at(t + n * kLanes) * h[n] + B[n] * (f * u) * at(t + kTile + n * kLanes);  // (5)
      });
    } else {
      Real* a_t = keep ? a_own + static_cast<std::int64_t>(step.row - k.first_row) * kTile : nullptr;
      unrolled<NB>([&](auto n) PHASEGRID_LAMBDA {
        const Vec<Real> a = exp2_lanes(Vec<Real>(delta[n] * A2[n])), f = Rule::factor(delta[n], at(k.A + (n0 + n) * k.D + c), a);
        h[n] = a * h[n] + B[n] * (f * u);  // (1)
        if constexpr (keep) at(a_t + n * kLanes) = a;
      });
    }
    if constexpr (keep) {
      unrolled<NB>([&](auto n) PHASEGRID_LAMBDA { at(h_own + (static_cast<std::int64_t>(i + 1) * NB + n) * kLanes) = h[n]; });
    } else if (step.output >= 0) {
      const Real* C = k.C + step.output * k.C_width + n0;
      Vec<Real> y = at(k.y + step.output * k.D + c);
      unrolled<NB>([&](auto n) PHASEGRID_LAMBDA { y += C[n] * h[n]; });  // (2)
      at(k.y + step.output * k.D + c) = y;
    }
  }
}

template <class Real, int NB, class Rule, bool by_state>
void scan_backward(const ScanView<Real>& k, int c, int n0, const Real* table, const Real* a_own, const Real* h_own) {
  constexpr int kTile = NB * kLanes;
  Vec<Real> G[NB], d_A[NB];
  unrolled<NB>([&](auto n) PHASEGRID_LAMBDA { G[n] = Vec<Real>{}, d_A[n] = at(k.d_A + (n0 + n) * k.D + c); });
  for (int i = k.count - 1; i >= 0; --i) {
    const ScanStep step = k.steps[i];
    const Real* h_before = h_own + static_cast<std::int64_t>(i) * kTile;
    if (step.output >= 0) {
      const Vec<Real> d_y = at(k.d_y + step.output * k.D + c);
      const Real* C = k.C + step.output * k.C_width + n0;
      Real* d_C = k.d_C + static_cast<std::int64_t>(step.output - k.first_output) * kTile;
      unrolled<NB>([&](auto n) PHASEGRID_LAMBDA {
        at(d_C + n * kLanes) += d_y * at(h_before + kTile + n * kLanes);
        G[n] += C[n] * d_y;  // (3)
      });
    }
    const StepSizes<Real, by_state> delta(k, step.row, c, n0);
    const Vec<Real> u = at(k.u + step.row * k.D + c);
    const Real* B = k.B + step.row * k.B_width + n0;
    const bool own = step.row >= k.shared;
    Real* d_B = own ? k.d_B + static_cast<std::int64_t>(step.row - k.first_row) * kTile : k.d_B_shared + static_cast<std::int64_t>(step.row) * kTile;
    Vec<Real> d_fu[2] = {at(k.d_fu + step.row * k.D + c)}, d_delta[2] = {at(k.d_delta + step.row * k.D + c)};  // two chains: shorter waits
    Real* d_step = own ? k.d_step + static_cast<std::int64_t>(step.row - k.first_row) * kTile : k.d_step_shared + static_cast<std::int64_t>(step.row) * kTile;
    auto add_d_delta = [&](auto n, Vec<Real> d) PHASEGRID_LAMBDA {
      if constexpr (by_state) at(d_step + n * kLanes) += d;
      else d_delta[n & 1] += d;
    };
    // S = the sum of G over the step's repeats.
    auto pull_back_input = [&](auto n, Vec<Real> S, Vec<Real> a) PHASEGRID_LAMBDA {
      const Vec<Real> A = at(k.A + (n0 + n) * k.D + c), f = Rule::factor(delta[n], A, a);
      at(d_B + n * kLanes) += S * (f * u);  // (4)
      if constexpr (by_state || Rule::kPerState) {
        const Vec<Real> Bu_S = B[n] * u * S;
        d_fu[n & 1] += B[n] * S * f;
        add_d_delta(n, Bu_S * Rule::by_delta(delta[n], a));
        d_A[n] += Bu_S * Rule::by_A(delta[n], A, a);
      } else {
        d_fu[n & 1] += B[n] * S;
      }
    };
    if (own) {
      const Real* a_t = a_own + static_cast<std::int64_t>(step.row - k.first_row) * kTile;
      unrolled<NB>([&](auto n) PHASEGRID_LAMBDA {
        const Vec<Real> a = at(a_t + n * kLanes);
        pull_back_input(n, G[n], a);
        G[n] *= a;
        const Vec<Real> g = G[n] * at(h_before + n * kLanes);
        add_d_delta(n, g * at(k.A + (n0 + n) * k.D + c));
        d_A[n] += g * delta[n];
      });
    } else {
      const Real *first = table + step.row * kPowers * 3 * kTile, *t = first + step.log2_repeats * 3 * kTile;
      const Real m = Real(1 << step.log2_repeats);
      unrolled<NB>([&](auto n) PHASEGRID_LAMBDA {
        const Vec<Real> A = at(k.A + (n0 + n) * k.D + c), a = at(first + n * kLanes), p = at(t + n * kLanes);
        pull_back_input(n, Vec<Real>(G[n] * at(t + kTile + n * kLanes)), a);
        const Vec<Real> b = B[n] * (Rule::factor(delta[n], A, a) * u);
        const Vec<Real> g = G[n] * (m * p * at(h_before + n * kLanes) + at(t + 2 * kTile + n * kLanes) * b);  // (5)
        add_d_delta(n, g * A);
        d_A[n] += g * delta[n];
        G[n] *= p;
      });
    }
    at(k.d_fu + step.row * k.D + c) = d_fu[0] + d_fu[1];
    at(k.d_delta + step.row * k.D + c) = d_delta[0] + d_delta[1];
  }
  unrolled<NB>([&](auto n) PHASEGRID_LAMBDA { at(k.d_A + (n0 + n) * k.D + c) = d_A[n]; });
}

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
