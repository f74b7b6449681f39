#include "kernels/ssd/ssd.hpp"

#include "kernels/operation.hpp"
#include "kernels/parallel.hpp"
#include "kernels/ssd/chunk.hpp"
#include "kernels/ssd/decay.hpp"
#include "kernels/ssd/recurrence.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

// One row of `parts` pieces of `size` numbers, each padded in `out` to `width`; or back.
template <class Real>
PHASEGRID_INLINE void pack_row(const Real* in, int parts, int size, int width, Real* out) {
  if (parts == 1 || size == width)
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(parts) * width; i += kLanes) at(out + i) = at(in + i);
  else
    for (int part = 0; part < parts; ++part)
      for (int i = 0; i < width; ++i) out[part * width + i] = i < size ? in[part * size + i] : 0;
}
template <class Real>
PHASEGRID_INLINE void unpack_row(const Real* in, int parts, int size, int width, Real* out, bool add) {
  if (parts == 1 || size == width)
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(parts) * width; i += kLanes)
      at(out + i) = add ? at(out + i) + at(in + i) : at(in + i);
  else
    for (int part = 0; part < parts; ++part)
      for (int i = 0; i < size; ++i) {
        Real& o = out[part * size + i];
        o = add ? o + in[part * width + i] : in[part * width + i];
      }
}

// Gradients of what step i reads from row `row`.
template <class Real>
void unpack_step(const Ssd<Real>& op, const SsdScratch<Real>& k, int m, std::int64_t row, std::int64_t i, bool add_u, bool add_B) {
  unpack_row(k.d_X + i * k.X_width, k.heads, k.P, k.P_width, op.u.grad(m) + row * op.u.width, add_u);
  unpack_row(k.d_B + i * k.B_width, k.groups, k.N, k.N_width, op.B.grad(m) + row * op.B.width, add_B);
}

template <class Real>
void zero(Real* p, std::int64_t n) {
  std::memset(p, 0, static_cast<std::size_t>(n) * sizeof(Real));
}

// Sequence s of model m, packed.
template <class Real>
struct Sequence {
  const ScanStep* steps;
  int count, first_output, outputs, first_row;

  Sequence(const Ssd<Real>& op, const SsdScratch<Real>& k, int m, int s) {
    const Walk& walk = op.walks[m];
    steps = walk.steps + walk.first_step[s], count = walk.first_step[s + 1] - walk.first_step[s];
    first_output = walk.first_output[s], outputs = walk.first_output[s + 1] - first_output,
    first_row = walk.first_row[s];
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t row = steps[i].row;
      pack_row(op.u.value(m) + row * op.u.width, k.heads, k.P, k.P_width, k.X + i * k.X_width);
      pack_row(op.B.value(m) + row * op.B.width, k.groups, k.N, k.N_width, k.B + i * k.B_width);
      if (steps[i].output >= 0) k.at[steps[i].output - first_output] = static_cast<std::int32_t>(i);
    }
    for (std::int64_t q = 0; q < outputs; ++q)
      pack_row(op.C.value(m) + (first_output + q) * op.C.width, k.groups, k.N, k.N_width, k.C + q * k.B_width);
    decays(op, k, m, steps, count);
  }
};

template <class Real>
void prepare(const Ssd<Real>& op, const SsdScratch<Real>& k, int m) {
  for (int e = 0; e < padded(k.heads); e += kLanes) at(k.A + e) = -exp_lanes(at(op.A_log.value(m) + e));
}

// y or d_x and d_skip of (2)'s last term.
template <class Real>
void skip_forward(const SsdScratch<Real>& k, const Real* skip, int outputs) {
  for (std::int64_t q = 0; q < outputs; ++q)
    for (int i = 0; i < k.X_width; i += kLanes)
      at(k.Y + q * k.X_width + i) = skip[i / k.P_width] * at(k.X + k.at[q] * std::int64_t{k.X_width} + i);
}
template <class Real>
void skip_backward(const SsdScratch<Real>& k, const Real* skip, int outputs) {
  for (int e = 0; e < k.heads; ++e) {
    Vec<Real> sum{};
    for (std::int64_t q = 0; q < outputs; ++q)
      for (int i = e * k.P_width; i < (e + 1) * k.P_width; i += kLanes) {
        const std::int64_t x = k.at[q] * std::int64_t{k.X_width} + i;
        const Vec<Real> d_y = at(k.d_Y + q * k.X_width + i);
        sum += d_y * at(k.X + x);
        at(k.d_X + x) += skip[e] * d_y;
      }
    k.d_skip[e] = sum_lanes<Real>(sum);
  }
}

template <class Real>
void chunks_forward(const Ssd<Real>& op, const SsdScratch<Real>& k, int steps, int outputs, bool states_only) {
  for (int first = 0, number = 0, q = 0; first < steps; first += op.chunk, ++number) {
    const SsdChunk c = chunk_at(k, op.chunk, first, steps, q, outputs);
    if (!states_only || c.after) chunk_forward(k, c, number, states_only);
    q += c.outputs;
  }
}
template <class Real>
void chunks_backward(const Ssd<Real>& op, const SsdScratch<Real>& k, int steps, int outputs) {
  zero(k.d_B, static_cast<std::int64_t>(steps) * k.B_width),
      zero(k.d_C, static_cast<std::int64_t>(outputs) * k.B_width);
  zero(k.d_w, k.heads * k.steps);
  for (int number = (steps - 1) / op.chunk, q = outputs; number >= 0; --number) {
    int first_output = q;
    while (first_output > 0 && k.at[first_output - 1] >= number * op.chunk) --first_output;
    chunk_backward(k, chunk_at(k, op.chunk, number * op.chunk, steps, first_output, q), number);
    q = first_output;
  }
}

template <class Real>
void forward(const Ssd<Real>& op) {
  for (int m = 0; m < op.models; ++m)
    parallel(op.walks[m].sequences, op.scratch, ssd_scratch(op), [&](int s, Real* scratch) {
      const SsdScratch<Real> k(op, scratch);
      prepare(op, k, m);
      const Sequence<Real> seq(op, k, m, s);
      skip_forward(k, op.skip.value(m), seq.outputs);
      if (op.chunk == 0) recurrence_forward(k, seq.count, seq.outputs);
      else chunks_forward(op, k, seq.count, seq.outputs, false);
      for (std::int64_t q = 0; q < seq.outputs; ++q)
        unpack_row(k.Y + q * k.X_width, k.heads, k.P, k.P_width, op.y.value(m) + (seq.first_output + q) * op.y.width,
                   false);
    });
}

// Gradients of rows that only this sequence has, and in `k` its part of the others.
template <class Real>
void backward_sequence(const Ssd<Real>& op, const SsdScratch<Real>& k, int m, int s) {
  prepare(op, k, m);
  const Sequence<Real> seq(op, k, m, s);
  if (seq.count == 0) return;
  for (std::int64_t q = 0; q < seq.outputs; ++q)
    pack_row(op.y.grad(m) + (seq.first_output + q) * op.y.width, k.heads, k.P, k.P_width, k.d_Y + q * k.X_width);
  zero(k.d_X, static_cast<std::int64_t>(seq.count) * k.X_width);
  skip_backward(k, op.skip.value(m), seq.outputs);
  if (op.chunk == 0) {
    zero(k.Y, static_cast<std::int64_t>(seq.outputs) * k.X_width);
    recurrence_forward(k, seq.count, seq.outputs);
    recurrence_backward(k, seq.count, seq.outputs);
  } else {
    chunks_forward(op, k, seq.count, seq.outputs, true);
    chunks_backward(op, k, seq.count, seq.outputs);
  }
  pull_back_decays(k, seq.count);
  for (std::int64_t i = 0; i < seq.count; ++i)
    if (seq.steps[i].row >= op.walks[m].shared) unpack_step(op, k, m, seq.steps[i].row, i, op.u.add, op.B.add);  // these are seen once
  for (std::int64_t q = 0; q < seq.outputs; ++q)
    unpack_row(k.d_C + q * k.B_width, k.groups, k.N, k.N_width, op.C.grad(m) + (seq.first_output + q) * op.C.width,
               op.C.add);
}

// The sequence's part of sums over sequences; they come here in their order.
template <class Real>
void add_sequence(const Ssd<Real>& op, const SsdScratch<Real>& k, Real* d_A, int m, int s) {
  const Walk& walk = op.walks[m];
  const ScanStep* steps = walk.steps + walk.first_step[s];
  const std::int64_t count = walk.first_step[s + 1] - walk.first_step[s];
  if (count == 0) return;
  for (int e = 0; e < k.heads; ++e) {
    op.skip.grad(m)[e] += k.d_skip[e], d_A[e] += k.d_A[e];
    for (std::int64_t i = 0; i < count; ++i)
      op.delta.grad(m)[static_cast<std::int64_t>(op.window_input[m][steps[i].row]) * op.delta.width + e] += k.d_a[e * k.steps + i];
  }
  for (std::int64_t i = 0; i < count; ++i)
    if (steps[i].row < walk.shared) unpack_step(op, k, m, steps[i].row, i, true, true);
}

template <class Real>
void backward(const Ssd<Real>& op) {
  const SsdScratch<Real> whole(op, op.scratch);
  for (int m = 0; m < op.models; ++m) {
    zero(whole.d_A_sum, padded(whole.heads));
    if (!op.delta.add) zero(op.delta.grad(m), static_cast<std::int64_t>(op.delta.count[m]) * op.delta.width);
    if (!op.u.add) zero(op.u.grad(m), static_cast<std::int64_t>(op.walks[m].shared) * op.u.width);
    if (!op.B.add) zero(op.B.grad(m), static_cast<std::int64_t>(op.walks[m].shared) * op.B.width);
    parallel_in_turn(
        op.walks[m].sequences, op.scratch, whole.size, [&](int s, Real* scratch) { backward_sequence(op, SsdScratch<Real>(op, scratch), m, s); },
        [&](int s, Real* scratch) { add_sequence(op, SsdScratch<Real>(op, scratch), whole.d_A_sum, m, s); });
    prepare(op, whole, m);
    for (int e = 0; e < whole.heads; ++e) op.A_log.grad(m)[e] += whole.d_A_sum[e] * whole.A[e];
  }
}

PHASEGRID_OPERATION(Ssd)

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
