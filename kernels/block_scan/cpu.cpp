// Tiles of kLanes channels x NB states; a tile walks all sequences before the next one begins. B and C are the same in all
// channels of a block: their lanes are shuffled into place on the way in, and their gradients summed by block on the way out.
//
//   G_t = conj(C_t) dy_t + conj(a_{t+1}) G_{t+1}        dC_t = sum_c dy_t conj(h_t)      dB_t = sum_c conj(f_t) u_t G_t       (4)
//   du_t = Re sum_n conj(f_t b_t) G_t                   d bias = sum_t conj(f_t) u_t G_t
//   g = conj(a_t h_{t-1}) G_t:   d delta_t = Re sum_n [conj(A) g + conj(b_t u_t df/d delta) G_t]
//                                dA = sum_{t,c} [delta_t g + conj(b_t u_t df/dA) G_t]                                         (5)
//
// Runs of a shared row in closed form: p, s, r of kernels/scan/tile.hpp (5), (6).
#include "kernels/block_scan/block_scan.hpp"

#include "kernels/complex.hpp"
#include "kernels/operation.hpp"
#include "kernels/parallel.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

template <class Real> using IntOf = std::conditional_t<sizeof(Real) == 4, std::int32_t, std::int64_t>;

// Which block the lanes of one vector of channels belong to.
template <class Real>
struct BlockLanes {
  typedef IntOf<Real> Int __attribute__((vector_size(kLanes * sizeof(Real))));
  typedef Real Loose __attribute__((vector_size(kLanes * sizeof(Real)), aligned(sizeof(Real))));
  Int lane{};          // relative to `first`
  int first = 0, stride = 0, block[kLanes];

  BlockLanes(int D, int blocks, int c) : stride(padded(blocks)) {
    const int p = D / blocks;
    for (int i = 0; i < kLanes; ++i) block[i] = c + i < D ? (c + i) / p : blocks - 1;
    first = block[0] < stride - kLanes ? block[0] : stride - kLanes;
    for (int i = 0; i < kLanes; ++i) lane[i] = block[i] - first;
  }
  PHASEGRID_INLINE Vec<Real> spread(const Real* values) const {
    const Vec<Real> v = *reinterpret_cast<const Loose*>(values + first);
    return __builtin_shuffle(v, lane);
  }
  PHASEGRID_INLINE void sum(Real* out, Vec<Real> v) const {
    if (block[0] == block[kLanes - 1]) {
      out[block[0]] += sum_lanes<Real>(v);
      return;
    }
    for (int i = 0; i < kLanes; ++i) out[block[i]] += v[i];
  }
};

template <class Real, class Number, int NB>
struct BlockTile {
  const BlockScan<Real>& op;
  BlockLanes<Real> lanes;
  std::int64_t D;
  int m, c, n0, used, N;
  Number A[NB], bias[NB];
  Number p[kMostShared * kPowers * NB], s[kMostShared * kPowers * NB], r[kMostShared * kPowers * NB];

  BlockTile(const BlockScan<Real>& op, int m, int c, int n0)
      : op(op), lanes(op.u.columns, op.blocks, c), D(op.u.width), m(m), c(c), n0(n0), N(op.A_log.columns) {
    used = N - n0 < NB ? N - n0 : NB;
    for (int n = 0; n < NB; ++n) {
      A[n] = bias[n] = zero();
      if (n >= used) continue;
      if constexpr (NumberKind<Number>::kParts == 2) A[n] = {-exp_lanes(splat(op.A_log.value(m)[n0 + n])), splat(op.A_imag.value(m)[n0 + n])};
      else A[n] = -exp_lanes(splat(op.A_log.value(m)[n0 + n]));
      const std::int64_t i = (n0 + n) * D + c;
      if (op.bias) bias[n] = load_parts<Real, Number>(op.bias.value(m) + i, op.bias_imag ? op.bias_imag.value(m) + i : nullptr);
    }
    const Number one = NumberKind<Number>::from(Vec<Real>{} + 1);
    for (int row = 0; row < op.walks[m].shared; ++row)
      for (int n = 0; n < NB; ++n) {
        Number p_n = exp_number(A[n] * at(op.delta.value(m) + row * D + c)), s_n = one, r_n = zero();
        for (int i = 0; i < kPowers; ++i) {
          const int k = place(row, i) + n;
          p[k] = p_n, s[k] = s_n, r[k] = r_n;
          r_n = p_n * s_n * splat(Real(1 << i)) + r_n * (one + p_n), s_n = s_n * (one + p_n), p_n = p_n * p_n;
        }
      }
  }

  static PHASEGRID_INLINE Number zero() { return NumberKind<Number>::from(Vec<Real>{}); }
  static int place(int row, int power) { return (row * kPowers + power) * NB; }

  // State n0 + n of a row of B or C (zero for states that do not exist).
  PHASEGRID_INLINE Number spread(const Real* row, int n) const {
    if (n >= used) return zero();
    const Real* re = row + (n0 + n) * lanes.stride;
    if constexpr (NumberKind<Number>::kParts == 2) return {lanes.spread(re), lanes.spread(re + N * lanes.stride)};
    else return lanes.spread(re);
  }
  PHASEGRID_INLINE void sum(Real* row, int n, Number v) const {
    if (n >= used) return;
    Real* re = row + (n0 + n) * lanes.stride;
    if constexpr (NumberKind<Number>::kParts == 2) lanes.sum(re, v.re), lanes.sum(re + N * lanes.stride, v.im);
    else lanes.sum(re, v);
  }
  PHASEGRID_INLINE Number input(const ScanStep& step, int n) const { return spread(op.B.value(m) + static_cast<std::int64_t>(step.row) * op.B.width, n) + bias[n]; }
};

// With `keep`, a_t goes to kept [step][NB] and h_t behind it to [most steps + step + 1][NB]; otherwise y accumulates (3).
template <class Real, class Number, int NB, bool keep>
void walk_forward(const BlockTile<Real, Number, NB>& k, int sequence, Real* a_kept, Real* h_kept) {
  constexpr int kNumber = NumberKind<Number>::kParts * kLanes;
  const auto& op = k.op;
  const Walk& walk = op.walks[k.m];
  Number h[NB];
  for (int n = 0; n < NB; ++n) {
    h[n] = k.zero();
    if constexpr (keep) store_packed(h_kept + n * kNumber, h[n]);
  }
  for (int i = walk.first_step[sequence]; i < walk.first_step[sequence + 1]; ++i) {
    const ScanStep step = walk.steps[i];
    const Vec<Real> u = at(op.u.value(k.m) + step.row * k.D + k.c), delta = at(op.delta.value(k.m) + step.row * k.D + k.c);
    unrolled<NB>([&](auto n) PHASEGRID_LAMBDA {
      const bool shared = step.row < walk.shared;
      const Number a = shared ? k.p[k.place(step.row, 0) + n] : exp_number(k.A[n] * delta);
      const Number in = input_factor(op.discretisation, delta, k.A[n], a).value * k.input(step, n) * u;
      if (step.log2_repeats == 0) h[n] = a * h[n] + in;  // (2)
      else h[n] = k.p[k.place(step.row, step.log2_repeats) + n] * h[n] + k.s[k.place(step.row, step.log2_repeats) + n] * in;
      if constexpr (keep) store_packed(a_kept + n * kNumber, a);
    });
    if constexpr (keep) {
      a_kept += NB * kNumber, h_kept += NB * kNumber;
      unrolled<NB>([&](auto n) PHASEGRID_LAMBDA { store_packed(h_kept + n * kNumber, h[n]); });
    } else if (step.output >= 0) {
      Vec<Real> y = at(op.y.value(k.m) + step.output * k.D + k.c);
      const Real* C = op.C.value(k.m) + static_cast<std::int64_t>(step.output) * op.C.width;
      unrolled<NB>([&](auto n) PHASEGRID_LAMBDA { y += real_product(k.spread(C, n), h[n]); });  // (3)
      at(op.y.value(k.m) + step.output * k.D + k.c) = y;
    }
  }
}

// Gradients of one tile that are sums over sequences; those of shared rows of u and delta are added to the tables at once.
template <class Real, class Number, int NB>
struct BlockGradients {
  Number A[NB], bias[NB], B_shared[kMostShared * NB];
  Vec<Real> u_shared[kMostShared], delta_shared[kMostShared];

  void clear() {
    const Number zero = NumberKind<Number>::from(Vec<Real>{});
    for (Number& x : A) x = zero;
    for (Number& x : bias) x = zero;
    for (Number& x : B_shared) x = zero;
    for (int row = 0; row < kMostShared; ++row) u_shared[row] = delta_shared[row] = Vec<Real>{};
  }
};

template <class Real, class Number, int NB>
void walk_backward(const BlockTile<Real, Number, NB>& k, int sequence, const Real* a_kept, const Real* h_kept, BlockGradients<Real, Number, NB>& d) {
  constexpr int kNumber = NumberKind<Number>::kParts * kLanes;
  const auto& op = k.op;
  const Walk& walk = op.walks[k.m];
  Number G[NB];
  for (int n = 0; n < NB; ++n) G[n] = k.zero();
  for (int i = walk.first_step[sequence + 1] - 1; i >= walk.first_step[sequence]; --i) {
    const ScanStep step = walk.steps[i];
    const std::int64_t here = static_cast<std::int64_t>(i - walk.first_step[sequence]) * NB * kNumber;
    if (step.output >= 0) {
      const Vec<Real> d_y = at(op.y.grad(k.m) + step.output * k.D + k.c);
      const std::int64_t row = static_cast<std::int64_t>(step.output) * op.C.width;
      unrolled<NB>([&](auto n) PHASEGRID_LAMBDA {
        k.sum(op.C.grad(k.m) + row, n, conj(load_packed<Real, Number>(h_kept + here + (NB + n) * kNumber)) * d_y);
        G[n] += conj(k.spread(op.C.value(k.m) + row, n)) * d_y;  // (4)
      });
    }
    const Vec<Real> u = at(op.u.value(k.m) + step.row * k.D + k.c), delta = at(op.delta.value(k.m) + step.row * k.D + k.c);
    const bool shared = step.row < walk.shared;
    Vec<Real>&to_u = shared ? d.u_shared[step.row] : at(op.u.grad(k.m) + step.row * k.D + k.c);
    Vec<Real>&to_delta = shared ? d.delta_shared[step.row] : at(op.delta.grad(k.m) + step.row * k.D + k.c);
    Vec<Real> d_u = to_u, d_delta = to_delta;
    unrolled<NB>([&](auto n) PHASEGRID_LAMBDA {
      const Number a = load_packed<Real, Number>(a_kept + here + n * kNumber), h = load_packed<Real, Number>(h_kept + here + n * kNumber);
      const InputFactor<Number> f = input_factor(op.discretisation, delta, k.A[n], a);
      const Number b = k.input(step, n);
      Number S = G[n], passed = a, reached = a * h;      // the sum of G over the step's repeats, a^m, the sum in g
      if (step.log2_repeats > 0) {
        const int t = k.place(step.row, step.log2_repeats) + n;
        S = conj(k.s[t]) * G[n], passed = k.p[t], reached = passed * h * splat(Real(1 << step.log2_repeats)) + k.r[t] * (f.value * b * u);
      }
      const Number g = conj(reached) * G[n], d_b = conj(f.value) * S * u;
      d_u += real_dot(f.value * b, S);
      d_delta += real_dot(k.A[n], g) + real_dot(b * f.by_delta, S) * u;   // (5)
      d.A[n] += g * delta + conj(b * f.by_A) * S * u;
      d.bias[n] += d_b;
      if (shared) d.B_shared[step.row * NB + n] += d_b;
      else k.sum(op.B.grad(k.m) + static_cast<std::int64_t>(step.row) * op.B.width, n, d_b);
      G[n] = conj(passed) * G[n];
    });
    to_u = d_u, to_delta = d_delta;
  }
}

// Adds the part of one sequence to the sums.
template <class Real, class Number, int NB>
void add_part(const BlockTile<Real, Number, NB>& k, const BlockGradients<Real, Number, NB>& part, BlockGradients<Real, Number, NB>& d) {
  for (int n = 0; n < NB; ++n) d.A[n] += part.A[n], d.bias[n] += part.bias[n];
  for (int row = 0; row < k.op.walks[k.m].shared; ++row) {
    for (int n = 0; n < NB; ++n) d.B_shared[row * NB + n] += part.B_shared[row * NB + n];
    at(k.op.u.grad(k.m) + row * k.D + k.c) += part.u_shared[row], at(k.op.delta.grad(k.m) + row * k.D + k.c) += part.delta_shared[row];
  }
}

// Gradients of one tile that are summed over all sequences.
template <class Real, class Number, int NB>
void finish_tile(const BlockTile<Real, Number, NB>& k, const BlockGradients<Real, Number, NB>& d) {
  const auto& op = k.op;
  for (int n = 0; n < k.used; ++n) {
    for (int row = 0; row < op.walks[k.m].shared; ++row)
      k.sum(op.B.grad(k.m) + static_cast<std::int64_t>(row) * op.B.width, n, d.B_shared[row * NB + n]);
    const std::int64_t i = (k.n0 + n) * k.D + k.c;
    if (op.bias) add_parts<Real, Number>(op.bias.grad(k.m) + i, op.bias_imag ? op.bias_imag.grad(k.m) + i : nullptr, d.bias[n]);
    if constexpr (NumberKind<Number>::kParts == 2) {
      op.A_log.grad(k.m)[k.n0 + n] += k.A[n].re[0] * sum_lanes<Real>(d.A[n].re);
      op.A_imag.grad(k.m)[k.n0 + n] += sum_lanes<Real>(d.A[n].im);
    } else {
      op.A_log.grad(k.m)[k.n0 + n] += k.A[n][0] * sum_lanes<Real>(d.A[n]);
    }
  }
}

template <class Real, class Number>
void forward_model(const BlockScan<Real>& op, int m) {
  constexpr int NB = kLanes == 16 ? 4 : 2;
  const std::int64_t D = op.u.width;
  const std::int64_t steps = op.walks[m].first_step[op.walks[m].sequences];
  parallel_columns(op.u.width, steps * op.A_log.columns, [&](int begin, int end) {
    for (std::int64_t q = 0; q < op.y.count[m]; ++q)
      for (std::int64_t c = begin; c < end; c += kLanes)
        at(op.y.value(m) + q * D + c) = at(op.skip.value(m) + c) * at(op.u.value(m) + op.output_row[m][q] * D + c);
    for (int c = begin; c < end; c += kLanes)
      for (int n0 = 0; n0 < op.A_log.columns; n0 += NB) {
        const BlockTile<Real, Number, NB> tile(op, m, c, n0);
        for (int s = 0; s < op.walks[m].sequences; ++s) walk_forward<Real, Number, NB, false>(tile, s, nullptr, nullptr);
      }
  });
}

// All sequences of one tile.
template <class Real, class Number, int NB>
void backward_tile(const BlockScan<Real>& op, int m, int c, int n0) {
  using Gradients = BlockGradients<Real, Number, NB>;
  constexpr int kNumber = NumberKind<Number>::kParts * kLanes, kGradients = sizeof(Gradients) / sizeof(Real);
  static_assert(kGradients <= 16 * 64, "block_scan_scratch() leaves room for them");
  const BlockTile<Real, Number, NB> tile(op, m, c, n0);
  const Walk& walk = op.walks[m];
  std::int64_t most = 0;
  for (int s = 0; s < walk.sequences; ++s) most = walk.first_step[s + 1] - walk.first_step[s] > most ? walk.first_step[s + 1] - walk.first_step[s] : most;
  Gradients d;
  d.clear();
  parallel_in_turn(
      walk.sequences, op.scratch, kGradients + (2 * most + 1) * NB * kNumber,
      [&](int s, Real* scratch) {
        Gradients& part = *reinterpret_cast<Gradients*>(scratch);
        part.clear();
        Real *a_kept = scratch + kGradients, *h_kept = a_kept + (walk.first_step[s + 1] - walk.first_step[s]) * NB * kNumber;
        walk_forward<Real, Number, NB, true>(tile, s, a_kept, h_kept);
        walk_backward<Real, Number, NB>(tile, s, a_kept, h_kept, part);
      },
      [&](int, const Real* scratch) { add_part(tile, *reinterpret_cast<const Gradients*>(scratch), d); });
  finish_tile(tile, d);
}

template <class Real, class Number>
void backward_model(const BlockScan<Real>& op, int m) {
  const std::int64_t D = op.u.width;
  for (const Rows<Real>* rows : {&op.u, &op.delta, &op.B, &op.C})
    if (!rows->add) parallel_zero(rows->grad(m), static_cast<std::int64_t>(rows->count[m]) * rows->width);
  parallel_columns(op.u.width, op.y.count[m], [&](int begin, int end) {
    for (std::int64_t q = 0; q < op.y.count[m]; ++q)
      for (std::int64_t c = begin; c < end; c += kLanes) {
        const std::int64_t row = op.output_row[m][q] * D + c;
        const Vec<Real> d_y = at(op.y.grad(m) + q * D + c);
        at(op.skip.grad(m) + c) += d_y * at(op.u.value(m) + row), at(op.u.grad(m) + row) += d_y * at(op.skip.value(m) + c);
      }
  });
  for (int c = 0; c < D; c += kLanes)
    for (int n0 = 0; n0 < op.A_log.columns; n0 += kLanes == 16 ? 4 : 2) backward_tile<Real, Number, kLanes == 16 ? 4 : 2>(op, m, c, n0);
}

template <class Real>
void forward(const BlockScan<Real>& op) {
  for (int m = 0; m < op.models; ++m)
    if (op.is_complex()) forward_model<Real, Number<Real, true>>(op, m);
    else forward_model<Real, Number<Real, false>>(op, m);
}
template <class Real>
void backward(const BlockScan<Real>& op) {
  for (int m = 0; m < op.models; ++m)
    if (op.is_complex()) backward_model<Real, Number<Real, true>>(op, m);
    else backward_model<Real, Number<Real, false>>(op, m);
}

PHASEGRID_OPERATION(BlockScan)

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
