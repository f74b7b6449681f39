// One head of one sequence is copied into small dense tables; the rest is matrix products. The way back computes p again.
#include "kernels/attention/attention.hpp"

#include "kernels/gemm.hpp"
#include "kernels/operation.hpp"
#include "kernels/parallel.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

template <class Real>
struct AttentionHead {
  const Attention<Real>& op;
  int m, head, P, P_width, steps, S, outputs;   // S: steps, padded
  const ScanStep* step;
  std::int32_t first_output;
  Real *p, *d_p, *k, *v, *d_k, *d_v, *q, *y, *d_q, *d_y, *transposed;

  // Heads of a sequence, then those of the next.
  AttentionHead(const Attention<Real>& op, int m, int number, Real* scratch) : op(op), m(m), head(number % op.heads) {
    const int s = number / op.heads;
    const Walk& walk = op.walks[m];
    P = op.q.columns / op.heads, P_width = padded(P);
    step = walk.steps + walk.first_step[s], steps = walk.first_step[s + 1] - walk.first_step[s], S = padded(steps);
    first_output = walk.first_output[s], outputs = walk.first_output[s + 1] - first_output;
    Real* next = scratch;
    auto take = [&](std::int64_t rows, std::int64_t width) { return next += rows * width, next - rows * width; };
    p = take(outputs, S), d_p = take(outputs, S);
    k = take(S, P_width), v = take(S, P_width), d_k = take(S, P_width), d_v = take(S, P_width);
    q = take(outputs, P_width), y = take(outputs, P_width), d_q = take(outputs, P_width), d_y = take(outputs, P_width);
    transposed = take(P_width, S);
  }

  // Row `row` of a table, the channels of this head, into row `i` of a dense one; the rest of the row is zero.
  void fetch(const Rows<Real>& rows, const Real* values, int row, Real* out, int i) const {
    const Real* from = values + static_cast<std::int64_t>(row) * rows.width + head * P;
    Real* to = out + static_cast<std::int64_t>(i) * P_width;
    for (int c = 0; c < P; ++c) to[c] = from[c];
    for (int c = P; c < P_width; ++c) to[c] = 0;
  }
  void add_back(const Rows<Real>& rows, Real* values, int row, const Real* in, int i, bool add) const {
    Real* to = values + static_cast<std::int64_t>(row) * rows.width + head * P;
    const Real* from = in + static_cast<std::int64_t>(i) * P_width;
    for (int c = 0; c < P; ++c) to[c] = add ? to[c] + from[c] : from[c];
  }

  // (1): q, k, v and p.
  void forward_scores() {
    for (int i = 0; i < steps; ++i) fetch(op.k, op.k.value(m), step[i].row, k, i), fetch(op.v, op.v.value(m), step[i].row, v, i);
    for (int i = steps; i < S; ++i)
      for (int c = 0; c < P_width; ++c) k[i * P_width + c] = v[i * P_width + c] = 0;
    for (int o = 0; o < outputs; ++o) fetch(op.q, op.q.value(m), first_output + o, q, o);
    transpose(S, P_width, k, P_width, transposed, S);
    gemm<Real>(outputs, S, P, q, P_width, 1, transposed, S, p, S, false);
    for (int i = 0, o = 0; i < steps; ++i)
      if (step[i].output >= 0) softmax(p + static_cast<std::int64_t>(o++) * S, i + 1);
  }
  // Over the first `count` scores of a row; the others become zero.
  void softmax(Real* row, int count) const {
    const Real scale = 1 / std::sqrt(static_cast<Real>(P));
    Real most = row[0];
    for (int i = 1; i < count; ++i) most = row[i] > most ? row[i] : most;
    for (int i = count; i < S; ++i) row[i] = most;
    Vec<Real> sum{};
    for (int i = 0; i < S; i += kLanes) at(row + i) = exp_lanes(Vec<Real>((at(row + i) - most) * scale));
    for (int i = 0; i < count; ++i) row[i] *= static_cast<Real>(1 << step[i].log2_repeats);
    for (int i = count; i < S; ++i) row[i] = 0;
    for (int i = 0; i < S; i += kLanes) sum += at(row + i);
    const Real inverse = 1 / sum_lanes<Real>(sum);
    for (int i = 0; i < S; i += kLanes) at(row + i) *= inverse;
  }

  void forward() {
    if (outputs == 0) return;
    forward_scores();
    gemm<Real>(outputs, P_width, steps, p, S, 1, v, P_width, y, P_width, false);
    for (int o = 0; o < outputs; ++o) add_back(op.y, op.y.value(m), first_output + o, y, o, false);
  }

  void backward() {
    if (outputs == 0) return;
    forward_scores();
    for (int o = 0; o < outputs; ++o) fetch(op.y, op.y.grad(m), first_output + o, d_y, o);
    transpose(S, P_width, v, P_width, transposed, S);
    gemm<Real>(outputs, S, P, d_y, P_width, 1, transposed, S, d_p, S, false);
    gemm<Real>(steps, P_width, outputs, p, 1, S, d_y, P_width, d_v, P_width, false);
    const Real scale = 1 / std::sqrt(static_cast<Real>(P));
    for (int o = 0; o < outputs; ++o) {
      Real *row = p + static_cast<std::int64_t>(o) * S, *d_row = d_p + static_cast<std::int64_t>(o) * S;
      Vec<Real> dot{};
      for (int i = 0; i < S; i += kLanes) dot += at(row + i) * at(d_row + i);
      const Real mean = sum_lanes<Real>(dot);
      for (int i = 0; i < S; i += kLanes) at(d_row + i) = at(row + i) * (at(d_row + i) - mean) * scale;
    }
    gemm<Real>(outputs, P_width, steps, d_p, S, 1, k, P_width, d_q, P_width, false);
    gemm<Real>(steps, P_width, outputs, d_p, 1, S, q, P_width, d_k, P_width, false);
    for (int o = 0; o < outputs; ++o) add_back(op.q, op.q.grad(m), first_output + o, d_q, o, op.q.add);
  }
  // Rows of k and v may be shared with other sequences.
  void add_shared() {
    if (outputs == 0) return;
    for (int i = 0; i < steps; ++i) {
      add_back(op.k, op.k.grad(m), step[i].row, d_k, i, true);
      add_back(op.v, op.v.grad(m), step[i].row, d_v, i, true);
    }
  }
};

template <class Real>
std::int64_t scratch_of(const Attention<Real>& op) { return attention_scratch(op.q.columns / op.heads, op.most_steps, op.most_outputs); }

template <class Real>
void forward(const Attention<Real>& op) {
  for (int m = 0; m < op.models; ++m)
    parallel(op.walks[m].sequences * op.heads, op.scratch, scratch_of(op), [&](int i, Real* scratch) { AttentionHead<Real>(op, m, i, scratch).forward(); });
}

template <class Real>
void backward(const Attention<Real>& op) {
  for (int m = 0; m < op.models; ++m) {
    for (const Rows<Real>* rows : {&op.k, &op.v})
      if (!rows->add) parallel_zero(rows->grad(m), static_cast<std::int64_t>(rows->count[m]) * rows->width);
    parallel_in_turn(
        op.walks[m].sequences * op.heads, op.scratch, scratch_of(op), [&](int i, Real* scratch) { AttentionHead<Real>(op, m, i, scratch).backward(); },
        [&](int i, Real* scratch) { AttentionHead<Real>(op, m, i, scratch).add_shared(); });
  }
}

PHASEGRID_OPERATION(Attention)

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
