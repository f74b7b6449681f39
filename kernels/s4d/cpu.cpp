// Tiles of kLanes channels x NB modes; a tile walks all sequences before the next one begins, because its coefficients stay the same.
//
//   G_t = kappa conj(C) dy_t + conj(a) G_{t+1}     dC = kappa sum dy_t conj(h_t)     db = sum G_t u_t     du_t = Re sum_n conj(b) G_t
//   g = conj(a) da = sum conj(a h_{t-1}) G_t                                                                     (4)
//
// m = 2^i equal steps in a row, with p = a^m, s = 1 + a + .. + a^{m-1}, as in kernels/scan/tile.hpp (5), (6):
//   h_m = p h_0 + s b u      sum of G_t = conj(s) G_m      sum of conj(a h_{t-1}) G_t = conj(m p h_0 + r b u) G_m    (5)
#include "kernels/operation.hpp"
#include "kernels/parallel.hpp"
#include "kernels/s4d/math.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

template <class Number, int NB>
struct S4dTile {
  S4dMode<Number> mode[NB];
  Number p[kPowers * NB], s[kPowers * NB], r[kPowers * NB];
  int first = 0, used = 0;     // modes
};

template <class Real, class Number, int NB>
S4dTile<Number, NB> s4d_tile(const S4d<Real>& op, int m, int n0, int c) {
  using Kind = NumberKind<Number>;
  S4dTile<Number, NB> tile;
  tile.first = n0, tile.used = op.parameters.modes() - n0 < NB ? op.parameters.modes() - n0 : NB;
  const Vec<Real> delta = s4d_delta(op.parameters, m, c), zero{}, one = zero + 1;
  for (int n = 0; n < NB; ++n) {
    S4dMode<Number>& k = tile.mode[n];
    const Number none = Kind::from(zero);
    k = n < tile.used ? s4d_mode<Real, Number>(op.parameters, delta, m, n0 + n, c) : S4dMode<Number>{none, none, none, none, none};
    Number p = k.a, s = Kind::from(one), r = none;
    for (int i = 0; i < kPowers; ++i) {
      tile.p[i * NB + n] = p, tile.s[i * NB + n] = s, tile.r[i * NB + n] = r;
      const Number next = Kind::from(one) + p;
      r = p * s * splat(Real(1 << i)) + r * next, s = s * next, p = p * p;
    }
  }
  return tile;
}

// With `keep`, h goes to h_own [step + 1][NB]; otherwise y accumulates (3).
template <class Real, class Number, int NB, bool keep>
void s4d_forward(const S4d<Real>& op, const S4dTile<Number, NB>& tile, int m, int s, int c, Real* h_own) {
  constexpr int kParts = NumberKind<Number>::kParts, kNumber = kParts * kLanes;
  const Walk& walk = op.walks[m];
  const std::int64_t D = op.u.width;
  Number h[NB];
  unrolled<NB>([&](auto n) PHASEGRID_LAMBDA {
    h[n] = NumberKind<Number>::from(Vec<Real>{});
    if constexpr (keep) store_packed(h_own + n * kNumber, h[n]);
  });
  for (int i = walk.first_step[s]; i < walk.first_step[s + 1]; ++i) {
    const ScanStep step = walk.steps[i];
    const Vec<Real> u = at(op.u.value(m) + step.row * D + c);
    const Number *p = tile.p + step.log2_repeats * NB, *sum = tile.s + step.log2_repeats * NB;
    if (step.log2_repeats == 0) unrolled<NB>([&](auto n) PHASEGRID_LAMBDA { h[n] = tile.mode[n].a * h[n] + tile.mode[n].b * u; });  // (2)
    else unrolled<NB>([&](auto n) PHASEGRID_LAMBDA { h[n] = p[n] * h[n] + sum[n] * (tile.mode[n].b * u); });                        // (5)
    if constexpr (keep) {
      h_own += NB * kNumber;
      unrolled<NB>([&](auto n) PHASEGRID_LAMBDA { store_packed(h_own + n * kNumber, h[n]); });
    } else if (step.output >= 0) {
      Vec<Real> y{};
      unrolled<NB>([&](auto n) PHASEGRID_LAMBDA { y += real_product(tile.mode[n].C, h[n]); });
      at(op.y.value(m) + step.output * D + c) += Real(kParts) * y;  // (3)
    }
  }
}

template <class Number, int NB>
struct S4dGradients { Number C[NB], b[NB], g[NB]; };

template <class Real, class Number, int NB>
void s4d_backward(const S4d<Real>& op, const S4dTile<Number, NB>& tile, int m, int s, int c, const Real* h_own, S4dGradients<Number, NB>& d) {
  constexpr int kParts = NumberKind<Number>::kParts, kNumber = kParts * kLanes;
  const Walk& walk = op.walks[m];
  const std::int64_t D = op.u.width;
  Number G[NB];
  unrolled<NB>([&](auto n) PHASEGRID_LAMBDA { G[n] = NumberKind<Number>::from(Vec<Real>{}); });
  for (int i = walk.first_step[s + 1] - 1; i >= walk.first_step[s]; --i) {
    const ScanStep step = walk.steps[i];
    const Real* h_before = h_own + static_cast<std::int64_t>(i - walk.first_step[s]) * NB * kNumber;
    if (step.output >= 0) {
      const Vec<Real> d_y = Real(kParts) * at(op.y.grad(m) + step.output * D + c);
      unrolled<NB>([&](auto n) PHASEGRID_LAMBDA {
        d.C[n] += conj(load_packed<Real, Number>(h_before + (NB + n) * kNumber)) * d_y;
        G[n] += conj(tile.mode[n].C) * d_y;
      });
    }
    const Vec<Real> u = at(op.u.value(m) + step.row * D + c);
    Vec<Real> d_u = at(op.u.grad(m) + step.row * D + c);
    if (step.log2_repeats == 0) {
      unrolled<NB>([&](auto n) PHASEGRID_LAMBDA {
        d.b[n] += G[n] * u;
        d_u += real_dot(tile.mode[n].b, G[n]);
        G[n] = conj(tile.mode[n].a) * G[n];
        d.g[n] += conj(load_packed<Real, Number>(h_before + n * kNumber)) * G[n];  // (4)
      });
    } else {
      const int power = step.log2_repeats * NB;
      const Vec<Real> repeats = splat(Real(1 << step.log2_repeats));
      unrolled<NB>([&](auto n) PHASEGRID_LAMBDA {
        const Number S = conj(tile.s[power + n]) * G[n], h = load_packed<Real, Number>(h_before + n * kNumber);
        d.b[n] += S * u;
        d_u += real_dot(tile.mode[n].b, S);
        d.g[n] += conj(tile.p[power + n] * h * repeats + tile.r[power + n] * (tile.mode[n].b * u)) * G[n];  // (5)
        G[n] = conj(tile.p[power + n]) * G[n];
      });
    }
    at(op.u.grad(m) + step.row * D + c) = d_u;
  }
}

template <class Real, class F>
void with_s4d_number(const S4d<Real>& op, F&& f) {
  constexpr int block = kLanes == 16 ? 4 : 2;
  if (op.parameters.is_complex()) f(Number<Real, true>{}, std::integral_constant<int, block>());
  else f(Number<Real, false>{}, std::integral_constant<int, 2 * block>());
}

// What walking all sequences costs, in numbers of one channel.
template <class Real>
std::int64_t s4d_work(const S4d<Real>& op, int m) { return op.walks[m].first_step[op.walks[m].sequences] * std::int64_t{4 * op.parameters.modes()}; }

template <class Real>
void forward(const S4d<Real>& op) {
  with_s4d_number(op, [&](auto number, auto block) {
    for (int m = 0; m < op.models; ++m)
      parallel_columns(op.u.width, s4d_work(op, m), [&](int begin, int end) {
        for (std::int64_t c = begin, D = op.u.width; c < end; c += kLanes) {
          for (std::int64_t q = 0; q < op.y.count[m]; ++q)
            at(op.y.value(m) + q * D + c) = at(op.skip.value(m) + c) * at(op.u.value(m) + op.output_row[m][q] * D + c);
          for (int n0 = 0; n0 < op.parameters.modes(); n0 += block) {
            const auto tile = s4d_tile<Real, decltype(number), block>(op, m, n0, static_cast<int>(c));
            for (int s = 0; s < op.walks[m].sequences; ++s)
              s4d_forward<Real, decltype(number), block, false>(op, tile, m, s, static_cast<int>(c), nullptr);
          }
        }
      });
  });
}

// dC, db and g of a tile over all sequences, then the parameters'.
template <class Real, class Number, int NB>
void backward_tile(const S4d<Real>& op, int m, int n0, int c, Real* h_own) {
  const auto tile = s4d_tile<Real, Number, NB>(op, m, n0, c);
  S4dGradients<Number, NB> d;
  for (int n = 0; n < NB; ++n) d.C[n] = d.b[n] = d.g[n] = NumberKind<Number>::from(Vec<Real>{});
  for (int s = 0; s < op.walks[m].sequences; ++s) {
    s4d_forward<Real, Number, NB, true>(op, tile, m, s, c, h_own);
    s4d_backward<Real, Number, NB>(op, tile, m, s, c, h_own, d);
  }
  const Vec<Real> delta = s4d_delta(op.parameters, m, c);
  for (int n = 0; n < tile.used; ++n) s4d_pull_back(op.parameters, delta, m, n0 + n, c, tile.mode[n], d.C[n], d.b[n], d.g[n]);
}

template <class Real>
std::int64_t most_steps(const S4d<Real>& op, int m) {
  const Walk& walk = op.walks[m];
  std::int64_t most = 0;
  for (int s = 0; s < walk.sequences; ++s) most = walk.first_step[s + 1] - walk.first_step[s] > most ? walk.first_step[s + 1] - walk.first_step[s] : most;
  return most;
}

template <class Real>
void backward(const S4d<Real>& op) {
  with_s4d_number(op, [&](auto number, auto block) {
    for (int m = 0; m < op.models; ++m) {
      const std::int64_t D = op.u.width;
      if (!op.u.add) parallel_zero(op.u.grad(m), op.u.count[m] * D);
      parallel_columns(op.u.width, 3 * s4d_work(op, m), op.scratch, s4d_scratch(static_cast<int>(most_steps(op, m))), [&](int begin, int end, Real* h_own) {
        for (std::int64_t c = begin; c < end; c += kLanes) {
          for (std::int64_t q = 0; q < op.y.count[m]; ++q) {
            const std::int64_t row = op.output_row[m][q] * D + c;
            const Vec<Real> d_y = at(op.y.grad(m) + q * D + c);
            at(op.skip.grad(m) + c) += d_y * at(op.u.value(m) + row);
            at(op.u.grad(m) + row) += d_y * at(op.skip.value(m) + c);
          }
          for (int n0 = 0; n0 < op.parameters.modes(); n0 += block) backward_tile<Real, decltype(number), block>(op, m, n0, static_cast<int>(c), h_own);
        }
      });
    }
  });
}

PHASEGRID_OPERATION(S4d)

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
