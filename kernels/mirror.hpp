// What each operation reads besides its tables: the maps, counts and walks of a batch, with their extents. One function each, for the
// operations that have a cuda.cu. Maps are named before the counts that say how long they are.
#pragma once
#include "kernels/memory.hpp"
#include "kernels/operations.hpp"
#include "kernels/scan/capacity.hpp"

namespace phasegrid::kernels {

template <class Real> std::int64_t most_rows(const Rows<Real>& r) { return r.width > 0 ? r.stride / r.width : 0; }
template <class Real> Mirror::Targets targets(const Rows<Real>& r) { return {r.count, most_rows(r)}; }

template <class... R>
void mirror_counts(Mirror& to, R&... rows) {
  ([&] { if (rows.count.data) to.counts(rows.count); }(), ...);
}

template <class Operation>
void mirror(Operation&, Mirror&) {}   // never recorded on such a device

template <class Real>
void mirror(Embedding<Real>& op, Mirror& to) {
  const auto most = most_rows(op.y);
  if (!op.from_base) to.map(op.token, op.y.count, most, 1, {{}, op.table.rows});
  if (op.positional) to.map(op.position, op.y.count, most, 1, {{}, op.positions.rows});
  if (op.noise) to.reals(op.noise, op.y.count, most, op.y.columns);
  mirror_counts(to, op.base, op.y);
}
template <class Real>
void mirror(Input<Real>& op, Mirror& to) {
  to.reals(op.numbers, op.y.count, most_rows(op.y), op.y.columns);
  mirror_counts(to, op.y);
}
template <class Real>
void mirror(Norm<Real>& op, Mirror& to) { mirror_counts(to, op.x, op.y); }
template <class Real>
void mirror(Linear<Real>& op, Mirror& to) { mirror_counts(to, op.x, op.y, op.derivative); }
template <class Real>
void mirror(Conv<Real>& op, Mirror& to) {
  to.map(op.window, op.u.count, most_rows(op.u), op.taps, targets(op.x));
  mirror_counts(to, op.x, op.u, op.derivative);
}
template <class Real>
void mirror(Scan<Real>& op, Mirror& to) {
  to.walks(op.walks, most_sequences(op), most_rows(op.u));
  to.map(op.output_row, op.y.count, most_rows(op.y), 1, targets(op.u));
  mirror_counts(to, op.u, op.delta, op.B, op.C, op.y);
}
// What walks sequences over the rows of u and is read at output_row.
template <class Operation>
void mirror_walk(Operation& op, Mirror& to, std::int64_t most_steps) {
  to.walks(op.walks, most_sequences(op.u, most_steps), most_rows(op.u));
  to.map(op.output_row, op.y.count, most_rows(op.y), 1, targets(op.u));
}
template <class Real>
void mirror(S4d<Real>& op, Mirror& to) {
  mirror_walk(op, to, op.most_steps);
  mirror_counts(to, op.u, op.y);
}
template <class Real>
void mirror(S4dKernel<Real>& op, Mirror& to) { mirror_counts(to, op.K); }
template <class Real>
void mirror(LongConv<Real>& op, Mirror& to) {
  mirror_walk(op, to, most_rows(op.K));
  mirror_counts(to, op.u, op.K, op.y);
}
template <class Real>
void mirror(Ssd<Real>& op, Mirror& to) {
  to.walks(op.walks, most_sequences(op.u, op.most_steps), most_rows(op.u));
  to.map(op.window_input, op.u.count, most_rows(op.u), 1, targets(op.delta));
  mirror_counts(to, op.u, op.delta, op.B, op.C, op.y);
}
template <class Real>
void mirror(BlockDelta<Real>& op, Mirror& to) { mirror_counts(to, op.u, op.delta, op.derivative); }
template <class Real>
void mirror(BlockLinear<Real>& op, Mirror& to) { mirror_counts(to, op.x, op.y); }
template <class Real>
void mirror(BlockScan<Real>& op, Mirror& to) {
  mirror_walk(op, to, op.most_steps);
  mirror_counts(to, op.u, op.delta, op.B, op.C, op.y);
}
template <class Real>
void mirror(Attention<Real>& op, Mirror& to) {
  to.walks(op.walks, most_sequences(op.k, op.most_steps), most_rows(op.k));
  mirror_counts(to, op.q, op.k, op.v, op.y);
}
template <class Real>
void mirror(SoftSort<Real>& op, Mirror& to) {
  to.walks(op.walks, most_sequences(op.x, op.most_steps), most_rows(op.x));
  mirror_counts(to, op.x, op.score, op.y);
}
template <class Real>
void mirror(Gather<Real>& op, Mirror& to) {
  to.map(op.index, op.y.count, most_rows(op.y), 1, targets(op.x));
  mirror_counts(to, op.x, op.base, op.y);
}
template <class Real>
void mirror(Gate<Real>& op, Mirror& to) {
  to.map(op.row, op.o.count, most_rows(op.o), 1, targets(op.z));
  mirror_counts(to, op.y, op.z, op.o);
}
template <class Real>
void mirror(CrossEntropy<Real>& op, Mirror& to) {
  to.map(op.label, op.logits.count, most_rows(op.logits), 1);
  to.result(op.loss), to.result(op.right);
  mirror_counts(to, op.logits);
}
template <class Real>
void mirror(SquaredError<Real>& op, Mirror& to) {
  to.reals(op.target, op.y.count, most_rows(op.y), op.y.columns);
  to.result(op.loss);
  mirror_counts(to, op.y);
}

}  // namespace phasegrid::kernels
