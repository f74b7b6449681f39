// The scan of one sequence over one tile of kLanes channels x NB states: channels across lanes, states across registers, time innermost.
//
//   G_t = conj(C_t) dy_t + conj(a_{t+1}) G_{t+1}        dC_t = sum_c dy_t conj(h_t)      dB_t = sum_c conj(f_t) u_t G_t       (4)
//   du_t = Re sum_n conj(f_t b_t) G_t                   d bias = sum_t conj(f_t) u_t G_t
//   g = conj(a_t h_{t-1}) G_t:   d delta_t = Re sum_n [conj(A) g + conj(b_t u_t df/d delta) G_t]
//                                dA = sum_{t,c} [delta_t g + conj(b_t u_t df/dA) G_t]                                         (5)
//
// Runs of a shared row in closed form: p, s, r of kernels/scan/tile.hpp (5), (6). All of (4) and (5) but dC is linear in G and g, whose
// sums over the runs of a shared row are enough.
#pragma once
#include "kernels/block_scan/block_scan.hpp"
#include "kernels/block_scan/factor.hpp"
#include "kernels/block_scan/lanes.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

// What a tile keeps from one sequence to the next.
template <class Real, class Number, int NB>
struct BlockTile {
  struct Run { Number p[NB], s[NB], input[NB], reached[NB]; };   // h = p h + input; the sum of a_t h_{t-1} is m p h + reached
  struct Shared { Number a[NB], f[NB], by_A[NB], b[NB], G[NB], g[NB]; Run runs[kPowers]; };
  Number A[NB], inverse_A[NB], bias[NB], d_A[NB], d_bias[NB];
  Shared shared[kMostShared];
  BlockLanes<Real> lanes;
  int c, n0, used;
};

template <class Number>
PHASEGRID_INLINE Number nothing() {
  if constexpr (NumberKind<Number>::kParts == 2) return {decltype(Number::re){}, decltype(Number::im){}};
  else return Number{};
}

// One model, and one sequence of it.
template <class Real>
struct BlockView {
  std::int64_t D, B_width, C_width;
  int N, shared, count, first_row, first_output;
  const ScanStep* steps;
  const Real *u, *delta, *B, *C;
  Real* y;
  const Real* d_y;
  Real *d_u, *d_delta;
  Real *factors, *h, *d_B, *d_C;   // [own row][a, f, df/dA][NB], [step + 1][NB], [own row][NB], [output][NB], each of one Number
};

// State n0 + n of a row of B or C (zero for states that do not exist).
template <class Real, class Number, int NB>
PHASEGRID_INLINE Number spread(const BlockTile<Real, Number, NB>& tile, const Real* row, int N, int n) {
  if (n >= tile.used) return nothing<Number>();
  const Real* re = row + (tile.n0 + n) * tile.lanes.stride;
  if constexpr (NumberKind<Number>::kParts == 2) return {tile.lanes.spread(re), tile.lanes.spread(re + N * tile.lanes.stride)};
  else return tile.lanes.spread(re);
}

// With `keep`, the factors of own rows and all h are left for the way back; otherwise y accumulates.
template <Discretisation rule, bool keep, class Real, class Number, int NB>
void walk_forward(const BlockView<Real>& k, const BlockTile<Real, Number, NB>& tile) {
  constexpr int kNumber = NumberKind<Number>::kParts * kLanes, kTile = NB * kNumber;
  const int c = tile.c;
  Number h[NB];
  unrolled<NB>([&](auto n) PHASEGRID_LAMBDA {
    h[n] = nothing<Number>();
    if constexpr (keep) store_packed(k.h + n * kNumber, h[n]);
  });
  for (int i = 0; i < k.count; ++i) {
    const ScanStep step = k.steps[i];
    if (step.row < k.shared) {
      const auto& run = tile.shared[step.row].runs[step.log2_repeats];
      unrolled<NB>([&](auto n) PHASEGRID_LAMBDA { h[n] = run.p[n] * h[n] + run.input[n]; });
    } else {
      const Vec<Real> u = at(k.u + step.row * k.D + c), delta = at(k.delta + step.row * k.D + c);
      const Real* B = k.B + step.row * k.B_width;
      Real* kept = keep ? k.factors + static_cast<std::int64_t>(step.row - k.first_row) * 3 * kTile : nullptr;
      unrolled<NB>([&](auto n) PHASEGRID_LAMBDA {
        const Factor<Number> x = factor<rule>(delta, tile.A[n], tile.inverse_A[n]);
        h[n] = x.a * h[n] + x.f * (spread(tile, B, k.N, n) + tile.bias[n]) * u;
        if constexpr (keep) {
          store_packed(kept + n * kNumber, x.a);
          store_packed(kept + kTile + n * kNumber, x.f), store_packed(kept + 2 * kTile + n * kNumber, x.by_A);
        }
      });
    }
    if constexpr (keep) {
      unrolled<NB>([&](auto n) PHASEGRID_LAMBDA { store_packed(k.h + (i + 1) * kTile + n * kNumber, h[n]); });
    } else if (step.output >= 0) {
      const Real* C = k.C + step.output * k.C_width;
      Vec<Real> y = at(k.y + step.output * k.D + c);
      unrolled<NB>([&](auto n) PHASEGRID_LAMBDA { y += real_product(spread(tile, C, k.N, n), h[n]); });
      at(k.y + step.output * k.D + c) = y;
    }
  }
}

// From the sums of G and g over the steps of one row in state n to its gradients: (4) and (5). Returns dB, not yet summed over lanes.
template <Discretisation rule, class V, class Number>
PHASEGRID_INLINE Number pull_back(const Factor<Number>& x, Number A, Number b, V u, V delta, Number G, Number g, V& d_u, V& d_delta, V& d_f, Number& d_A) {
  const Number fG = conj(x.f) * G, bG = conj(b) * G;
  d_u += real_dot(b, fG);
  d_f += by_delta<rule, V>(x.a, bG);   // times u: of every state alike
  d_delta += real_dot(A, g);
  d_A += g * delta;
  if constexpr (rule == Discretisation::zoh) d_A += conj(x.by_A) * (bG * u);
  return fG * u;
}

template <Discretisation rule, class Real, class Number, int NB>
void walk_backward(const BlockView<Real>& k, BlockTile<Real, Number, NB>& tile) {
  constexpr int kNumber = NumberKind<Number>::kParts * kLanes, kTile = NB * kNumber;
  const int c = tile.c;
  Number G[NB], d_A[NB];
  unrolled<NB>([&](auto n) PHASEGRID_LAMBDA { G[n] = nothing<Number>(), d_A[n] = tile.d_A[n]; });
  for (int i = k.count - 1; i >= 0; --i) {
    const ScanStep step = k.steps[i];
    const Real* h = k.h + i * kTile;
    if (step.output >= 0) {
      const Vec<Real> d_y = at(k.d_y + step.output * k.D + c);
      const Real* C = k.C + step.output * k.C_width;
      Real* d_C = k.d_C + static_cast<std::int64_t>(step.output - k.first_output) * kTile;
      unrolled<NB>([&](auto n) PHASEGRID_LAMBDA {
        store_packed(d_C + n * kNumber, conj(load_packed<Real, Number>(h + kTile + n * kNumber)) * d_y);
        G[n] += conj(spread(tile, C, k.N, n)) * d_y;
      });
    }
    if (step.row < k.shared) {
      auto& shared = tile.shared[step.row];
      const auto& run = shared.runs[step.log2_repeats];
      const Vec<Real> m = splat(Real(1 << step.log2_repeats));
      unrolled<NB>([&](auto n) PHASEGRID_LAMBDA {
        shared.G[n] += conj(run.s[n]) * G[n];
        const Number passed = conj(run.p[n]) * G[n];
        shared.g[n] += conj(load_packed<Real, Number>(h + n * kNumber)) * passed * m + conj(run.reached[n]) * G[n];
        G[n] = passed;
      });
      continue;
    }
    const Vec<Real> u = at(k.u + step.row * k.D + c), delta = at(k.delta + step.row * k.D + c);
    const Real* B = k.B + step.row * k.B_width;
    const Real* kept = k.factors + static_cast<std::int64_t>(step.row - k.first_row) * 3 * kTile;
    Real* d_B = k.d_B + static_cast<std::int64_t>(step.row - k.first_row) * kTile;
    Vec<Real> d_u[2] = {at(k.d_u + step.row * k.D + c)}, d_delta[2] = {at(k.d_delta + step.row * k.D + c)}, d_f[2] = {};  // two chains: shorter waits
    unrolled<NB>([&](auto n) PHASEGRID_LAMBDA {
      const Factor<Number> x = {load_packed<Real, Number>(kept + n * kNumber), load_packed<Real, Number>(kept + kTile + n * kNumber),
                                load_packed<Real, Number>(kept + 2 * kTile + n * kNumber)};
      const Number b = spread(tile, B, k.N, n) + tile.bias[n], passed = conj(x.a) * G[n];
      const Number g = conj(load_packed<Real, Number>(h + n * kNumber)) * passed;
      const Number d_b = pull_back<rule>(x, tile.A[n], b, u, delta, G[n], g, d_u[n & 1], d_delta[n & 1], d_f[n & 1], d_A[n]);
      store_packed(d_B + n * kNumber, load_packed<Real, Number>(d_B + n * kNumber) + d_b);
      tile.d_bias[n] += d_b;
      G[n] = passed;
    });
    at(k.d_u + step.row * k.D + c) = d_u[0] + d_u[1];
    at(k.d_delta + step.row * k.D + c) = d_delta[0] + d_delta[1] + (d_f[0] + d_f[1]) * u;
  }
  unrolled<NB>([&](auto n) PHASEGRID_LAMBDA { tile.d_A[n] = d_A[n]; });
}

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
