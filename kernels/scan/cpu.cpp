#include "kernels/scan/scan.hpp"

#include "kernels/operation.hpp"
#include "kernels/scan/tile.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

// Where things lie in the operation's scratch memory; sizes as in scan_scratch().
template <class Real, int NB>
struct Scratch {
  std::int64_t states, D;
  Real *A, *A2, *d_A, *table, *a, *h, *d_B, *d_C, *d_step, *d_B_shared, *d_step_shared, *d_fu, *d_delta;

  explicit Scratch(const Scan<Real>& op) : states((op.B.columns + NB - 1) / NB * NB), D(op.u.width) {
    Real* p = op.scratch;
    auto take = [&p](std::int64_t n) { return p += n, p - n; };
    A = take(states * D), A2 = take(states * D), d_A = take(states * D);
    table = take(states * D * kMostShared * kPowers * 3);
    a = take(static_cast<std::int64_t>(op.most_steps) * NB * kLanes), h = take(static_cast<std::int64_t>(op.most_steps + 1) * NB * kLanes);
    d_B = take(static_cast<std::int64_t>(op.most_steps) * NB * kLanes), d_C = take(static_cast<std::int64_t>(op.most_outputs) * NB * kLanes);
    d_step = take(static_cast<std::int64_t>(op.most_steps) * NB * kLanes);
    d_B_shared = take(states * kMostShared * kLanes), d_step_shared = take(states * kMostShared * kLanes);
    d_fu = p;  // rows * D, then d_delta: placed by the number of rows in use
    d_delta = nullptr;
  }
  Real* table_of(int n0, int c) const { return table + (n0 / NB * (D / kLanes) + c / kLanes) * (kMostShared * kPowers * 3 * NB * kLanes); }
};

template <class Real, int NB>
ScanView<Real> view(const Scan<Real>& op, const Scratch<Real, NB>& scratch, int m) {
  ScanView<Real> k{};
  k.D = op.u.width, k.delta_width = op.delta.width, k.shared = op.walks[m].shared;
  k.u = op.u.value(m), k.delta = op.delta.value(m), k.B = op.B.value(m), k.C = op.C.value(m);
  k.A = scratch.A, k.A2 = scratch.A2, k.B_width = op.B.width, k.C_width = op.C.width;
  k.y = op.y.value(m), k.d_y = op.y.grad(m);
  k.d_A = scratch.d_A, k.d_B = scratch.d_B, k.d_C = scratch.d_C, k.d_step = scratch.d_step;
  return k;
}

template <class Real>
void choose_sequence(ScanView<Real>& k, const Walk& walk, int s) {
  k.steps = walk.steps + walk.first_step[s], k.count = walk.first_step[s + 1] - walk.first_step[s];
  k.first_row = walk.first_row[s], k.first_output = walk.first_output[s];
}

template <class Real, int NB>
void prepare(const Scan<Real>& op, const Scratch<Real, NB>& scratch, int m) {
  const std::int64_t D = op.u.width;
  for (std::int64_t n = 0; n < scratch.states; ++n)
    for (std::int64_t c = 0; c < D; c += kLanes) {
      Vec<Real> A{};  // padding: B = C = 0
      if (n < op.B.columns) A = op.A_log ? -exp_lanes(at(op.A_log.value(m) + n * D + c)) : splat(op.constant_A);
      at(scratch.A + n * D + c) = A, at(scratch.A2 + n * D + c) = A * Real(kLog2e);
    }
  const ScanView<Real> k = view(op, scratch, m);
  for (int n0 = 0; k.shared > 0 && n0 < scratch.states; n0 += NB)
    for (int c = 0; c < D; c += kLanes)
      if (op.delta_by_state) run_table<Real, NB, true>(k, c, n0, scratch.table_of(n0, c));
      else run_table<Real, NB, false>(k, c, n0, scratch.table_of(n0, c));
}

template <class Real, int NB, class Rule, bool by_state>
void forward_rule(const Scan<Real>& op) {
  const Scratch<Real, NB> scratch(op);
  for (int m = 0; m < op.models; ++m) {
    const Walk& walk = op.walks[m];
    const std::int64_t D = op.u.width, outputs = op.y.count[m];
    prepare(op, scratch, m);
    ScanView<Real> k = view(op, scratch, m);
    const Real* skip = op.skip ? op.skip.value(m) : nullptr;
    for (std::int64_t q = 0; q < outputs; ++q)
      for (std::int64_t c = 0; c < D; c += kLanes) at(k.y + q * D + c) = skip ? at(skip + c) * at(k.u + op.output_row[m][q] * D + c) : Vec<Real>{};
    for (int s = 0; s < walk.sequences; ++s) {
      choose_sequence(k, walk, s);
      for (int n0 = 0; n0 < scratch.states; n0 += NB)
        for (int c = 0; c < D; c += kLanes) scan_forward<Real, NB, Rule, by_state, false>(k, c, n0, scratch.table_of(n0, c), nullptr, nullptr);
    }
  }
}

// Sums over lanes of `count` x NB partial sums, into (or onto) columns n0 .. n0 + NB - 1 of rows [first, first + count).
template <class Real, int NB>
void reduce_lanes(const Real* partial, int count, Real* out, std::int64_t width, std::int64_t first, int n0, bool add) {
  constexpr int rows = kLanes / NB;  // that one vector of sums covers
  out += first * width + n0;
  for (; count > 0; count -= rows, partial += kLanes * kLanes) {
    Vec<Real> v[kLanes];
    const int left = count < rows ? count : rows;
    for (int j = 0; j < kLanes; ++j) v[j] = j < left * NB ? at(partial + j * kLanes) : Vec<Real>{};
    alignas(sizeof(Vec<Real>)) Real sums[kLanes];
    at(sums) = sum_all_lanes<Real>(v);
    for (int row = 0; row < left; ++row, out += width)
      for (int n = 0; n < NB; ++n) out[n] = add ? out[n] + sums[row * NB + n] : sums[row * NB + n];
  }
}

// d(f u) and d delta of rows [begin, end) become gradients of u and delta. Step sizes of states have theirs already.
template <class Real, class Rule, bool by_state>
void finish_rows(const Scan<Real>& op, const ScanView<Real>& k, int m, std::int64_t begin, std::int64_t end) {
  for (std::int64_t i = begin * k.D; i < end * k.D; i += kLanes) {
    const Vec<Real> u = at(k.u + i), d_fu = at(k.d_fu + i);
    Vec<Real> d_u = d_fu;
    if constexpr (!by_state) {
      const Vec<Real> delta = at(k.delta + i);
      Vec<Real> d_delta = at(k.d_delta + i);
      if constexpr (!Rule::kPerState) {
        d_u = d_fu * Rule::factor(delta, delta, delta);
        d_delta += d_fu * u * Rule::by_delta(delta, delta);
      }
      at(op.delta.grad(m) + i) = op.delta.add ? at(op.delta.grad(m) + i) + d_delta : d_delta;
    }
    at(op.u.grad(m) + i) = op.u.add ? at(op.u.grad(m) + i) + d_u : d_u;
  }
}

template <class Real>
void backward_skip(const Scan<Real>& op, int m) {
  const std::int64_t D = op.u.width;
  for (std::int64_t q = 0; q < op.y.count[m]; ++q)
    for (std::int64_t c = 0; c < D; c += kLanes) {
      const Vec<Real> d_y = at(op.y.grad(m) + q * D + c);
      const std::int64_t row = op.output_row[m][q] * D + c;
      at(op.skip.grad(m) + c) += d_y * at(op.u.value(m) + row);
      at(op.u.grad(m) + row) += d_y * at(op.skip.value(m) + c);
    }
}

template <class Real>
void zero(Real* p, std::int64_t n) { std::memset(p, 0, static_cast<std::size_t>(n) * sizeof(Real)); }

// One sequence: h again, tile by tile, into the first-level cache, then the adjoint. Partial sums of dB and dC of one block of
// states stay there too.
template <class Real, int NB, class Rule, bool by_state>
void backward_sequence(const Scan<Real>& op, const Scratch<Real, NB>& scratch, ScanView<Real>& k, int m, int s) {
  const Walk& walk = op.walks[m];
  choose_sequence(k, walk, s);
  const int rows = walk.first_row[s + 1] - k.first_row, outputs = walk.first_output[s + 1] - k.first_output;
  zero(k.d_fu + k.first_row * k.D, rows * k.D), zero(k.d_delta + k.first_row * k.D, rows * k.D);
  for (int n0 = 0; n0 < scratch.states; n0 += NB) {
    zero(k.d_B, static_cast<std::int64_t>(rows) * NB * kLanes), zero(k.d_C, static_cast<std::int64_t>(outputs) * NB * kLanes);
    if (by_state) zero(k.d_step, static_cast<std::int64_t>(rows) * NB * kLanes);
    k.d_B_shared = scratch.d_B_shared + static_cast<std::int64_t>(n0) * kMostShared * kLanes;
    k.d_step_shared = scratch.d_step_shared + static_cast<std::int64_t>(n0) * kMostShared * kLanes;
    for (int c = 0; c < k.D; c += kLanes) {
      const Real* table = scratch.table_of(n0, c);
      scan_forward<Real, NB, Rule, by_state, true>(k, c, n0, table, scratch.a, scratch.h);
      scan_backward<Real, NB, Rule, by_state>(k, c, n0, table, scratch.a, scratch.h);
    }
    reduce_lanes<Real, NB>(k.d_B, rows, op.B.grad(m), op.B.width, k.first_row, n0, op.B.add);
    if (by_state) reduce_lanes<Real, NB>(k.d_step, rows, op.delta.grad(m), op.delta.width, k.first_row, n0, op.delta.add);
    reduce_lanes<Real, NB>(k.d_C, outputs, op.C.grad(m), op.C.width, k.first_output, n0, op.C.add);
  }
  finish_rows<Real, Rule, by_state>(op, k, m, k.first_row, walk.first_row[s + 1]);
}

template <class Real, int NB, class Rule, bool by_state>
void backward_rule(const Scan<Real>& op) {
  const Scratch<Real, NB> scratch(op);
  for (int m = 0; m < op.models; ++m) {
    const Walk& walk = op.walks[m];
    const std::int64_t D = op.u.width, rows = op.u.count[m];
    if (op.models > 1) prepare(op, scratch, m);  // otherwise left by the way forward
    ScanView<Real> k = view(op, scratch, m);
    k.d_fu = scratch.d_fu, k.d_delta = scratch.d_fu + rows * D;
    zero(scratch.d_A, scratch.states * D), zero(scratch.d_B_shared, scratch.states * kMostShared * kLanes);
    zero(scratch.d_step_shared, scratch.states * kMostShared * kLanes);
    zero(k.d_fu, walk.shared * D), zero(k.d_delta, walk.shared * D);
    for (int s = 0; s < walk.sequences; ++s) backward_sequence<Real, NB, Rule, by_state>(op, scratch, k, m, s);
    for (int n0 = 0; n0 < scratch.states; n0 += NB) {
      const std::int64_t at_block = static_cast<std::int64_t>(n0) * kMostShared * kLanes;
      reduce_lanes<Real, NB>(scratch.d_B_shared + at_block, walk.shared, op.B.grad(m), op.B.width, 0, n0, op.B.add);
      if (by_state) reduce_lanes<Real, NB>(scratch.d_step_shared + at_block, walk.shared, op.delta.grad(m), op.delta.width, 0, n0, op.delta.add);
    }
    finish_rows<Real, Rule, by_state>(op, k, m, 0, walk.shared);
    if (op.skip) backward_skip(op, m);
    for (std::int64_t i = 0; op.A_log && i < op.A_log.rows * D; i += kLanes) at(op.A_log.grad(m) + i) += at(scratch.d_A + i) * at(scratch.A + i);
  }
}

template <class Real, int NB, class Rule, class F>
void with_axis(const Scan<Real>& op, F&& f) {
  if (op.delta_by_state) f(std::integral_constant<int, NB>(), Rule(), std::true_type());
  else f(std::integral_constant<int, NB>(), Rule(), std::false_type());
}
template <class Real, int NB, class F>
void with_rule(const Scan<Real>& op, F&& f) {
  switch (op.discretisation) {
    case Discretisation::euler: return with_axis<Real, NB, EulerRule>(op, f);
    case Discretisation::zoh: return with_axis<Real, NB, ZohRule>(op, f);
    case Discretisation::none: return with_axis<Real, NB, NoneRule>(op, f);
  }
}
// States are handled in blocks of 1, 2, 4 or kStateBlock.
template <class Real, class F>
void with_block(const Scan<Real>& op, F&& f) {
  const int N = op.B.columns;
  if (N == 1) with_rule<Real, 1>(op, f);
  else if (N == 2) with_rule<Real, 2>(op, f);
  else if (N <= 4 || kStateBlock == 4) with_rule<Real, 4>(op, f);
  else with_rule<Real, kStateBlock>(op, f);
}

template <class Real>
void forward(const Scan<Real>& op) {
  with_block(op, [&](auto block, auto rule, auto by_state) { forward_rule<Real, block, decltype(rule), by_state>(op); });
}
template <class Real>
void backward(const Scan<Real>& op) {
  with_block(op, [&](auto block, auto rule, auto by_state) { backward_rule<Real, block, decltype(rule), by_state>(op); });
}

PHASEGRID_OPERATION(Scan)

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
