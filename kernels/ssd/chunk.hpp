// One chunk of a packed sequence as products of matrices (3), and their adjoints. Per head, with rows q for the
// chunk's outputs and columns j for its steps, H the state before it and H' the state after it, l_q = a_first .. a_q,
// and q = end its last step:
//
//   S = C B^T      M_qj = S_qj L_qj w_j      Y += M X + (l C) H      H' = l_end H + (L_end w B)^T X                 (5)
//
//   dX += M^T dY + (L_end w B) G'            G' = d loss / d H', G = l_end G' + (l C)^T dY                          (6)
//   dM = dY X^T     dS_qj = dM_qj L_qj w_j     dC += dS B     dB += dS^T C
//   d(l C) = dY H^T      d(L_end w B) = X G'^T
//   E_qj = M_qj dM_qj, and likewise E_q,before and E_end,j: what reaches j from q through the decays between them,
//   d log a_i = sum of E_qj over j < i <= q                                                                         (7)
//
// (7) adds terms of one sign of time only; differences of long sums would lose what float has.
#pragma once
#include "kernels/gemm.hpp"
#include "kernels/ssd/scratch.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

struct SsdChunk {
  int first, count, width;  // steps; width = padded(count)
  int first_output, outputs;
  bool before, after;  // is there a state at its borders?
  int step_of(const std::int32_t* at, int q) const { return q < outputs ? at[first_output + q] - first : count - 1; }
  int rows() const { return outputs + (after ? 1 : 0); }
};

template <class Real>
SsdChunk chunk_at(const SsdScratch<Real>& k, int chunk, int first, int steps, int first_output, int outputs) {
  SsdChunk c{
      first, steps - first < chunk ? steps - first : chunk, 0, first_output, 0, first > 0, first + chunk < steps};
  c.width = padded(c.count);
  while (first_output + c.outputs < outputs && k.at[first_output + c.outputs] < first + c.count) ++c.outputs;
  return c;
}

// Pointers of one head in one chunk.
template <class Real>
struct SsdHead {
  const Real *X, *B, *C, *a, *w, *h, *d_Y;
  Real *Y, *d_X, *d_B, *d_C, *d_a, *d_w, *h_after, *G;

  SsdHead(const SsdScratch<Real>& k, const SsdChunk& c, int number, int e) {
    const std::int64_t column = e * k.groups / k.heads * k.N_width, channel = e * k.P_width,
                       first = e * k.steps + c.first;
    X = k.X + c.first * k.X_width + channel, d_X = k.d_X + c.first * k.X_width + channel;
    Y = k.Y + c.first_output * k.X_width + channel, d_Y = k.d_Y + c.first_output * k.X_width + channel;
    B = k.B + c.first * k.B_width + column, d_B = k.d_B + c.first * k.B_width + column;
    C = k.C + c.first_output * k.B_width + column, d_C = k.d_C + c.first_output * k.B_width + column;
    a = k.a + first, w = k.w + first, d_a = k.d_a + first, d_w = k.d_w + first;
    const std::int64_t state = static_cast<std::int64_t>(k.N) * k.P_width;
    h = k.h + number * k.state + e * state, h_after = k.h + (number + 1) * k.state + e * state, G = k.G + e * state;
  }
};

// Row q of L: a_{j+1} .. a_q for j <= q, zero for later j. From one output to the next it only grows and shrinks by
// what lies between. The row after the outputs is the end of the chunk. start[q] = l_q.
template <class Real>
void decay_rows(const SsdScratch<Real>& k, const SsdChunk& c, const Real* a) {
  for (int q = 0, before = -1; q < c.rows(); ++q) {
    const int now = c.step_of(k.at, q);
    Real *L = k.L + static_cast<std::int64_t>(q) * c.width, between = 1;
    for (int j = now; j > before; --j) between *= a[j];
    for (int j = 0; j < c.width; j += kLanes)
      at(L + j) = j <= before ? Vec<Real>(between * at(L - c.width + j)) : Vec<Real>{};
    Real product = 1;
    for (int j = now; j > before; --j) L[j] = product, product *= a[j];
    k.start[q] = q > 0 ? k.start[q - 1] * between : between;
    before = now;
  }
}

// S of one group.
template <class Real>
void similarities(const SsdScratch<Real>& k, const SsdChunk& c, const Real* B, const Real* C) {
  if (c.count < c.width) std::memset(k.B_t, 0, static_cast<std::size_t>(k.N) * c.width * sizeof(Real));
  transpose(c.count, k.N, B, k.B_width, k.B_t, c.width);
  gemm<Real>(c.outputs, c.width, k.N, C, k.B_width, 1, k.B_t, c.width, k.S, c.width, false);
}

template <class Real>
void masked(const SsdScratch<Real>& k, const SsdChunk& c, const Real* w) {
  for (std::int64_t q = 0; q < c.outputs; ++q)
    for (std::int64_t j = 0, i = q * c.width; j < c.width; j += kLanes)
      at(k.M + i + j) = at(k.S + i + j) * at(k.L + i + j) * at(w + j);
}

// k.weighted = rows of `table` times factor (times w), (count, N_width).
template <class Real>
void weigh(const SsdScratch<Real>& k, int count, const Real* table, const Real* factor, const Real* w) {
  for (std::int64_t i = 0; i < count; ++i)
    for (int n = 0; n < k.N_width; n += kLanes)
      at(k.weighted + i * k.N_width + n) = (w ? factor[i] * w[i] : factor[i]) * at(table + i * k.B_width + n);
}

// The state at the chunk's end; a head's states are contiguous.
template <class Real>
void advance_state(const SsdScratch<Real>& k, const SsdChunk& c, const SsdHead<Real>& e) {
  const Real* end = k.L + static_cast<std::int64_t>(c.outputs) * c.width;
  for (std::int64_t i = 0; c.before && i < static_cast<std::int64_t>(k.N) * k.P_width; i += kLanes)
    at(e.h_after + i) = k.start[c.outputs] * at(e.h + i);
  weigh(k, c.count, e.B, end, e.w);
  gemm<Real>(k.N, k.P_width, c.count, k.weighted, 1, k.N_width, e.X, k.X_width, e.h_after, k.P_width, c.before);
}

// Y += (5); with `states_only`, just the state after the chunk.
template <class Real>
void chunk_forward(const SsdScratch<Real>& k, const SsdChunk& c, int number, bool states_only) {
  for (int e = 0; e < k.heads; ++e) {
    const SsdHead<Real> head(k, c, number, e);
    const bool new_group = e * k.groups % k.heads == 0;
    if (new_group && !states_only) similarities(k, c, head.B, head.C);
    decay_rows(k, c, head.a);
    if (!states_only && c.outputs > 0) {
      masked(k, c, head.w);
      gemm<Real>(c.outputs, k.P_width, c.count, k.M, c.width, 1, head.X, k.X_width, head.Y, k.X_width, true);
      if (c.before) {
        weigh<Real>(k, c.outputs, head.C, k.start, nullptr);
        gemm<Real>(c.outputs, k.P_width, k.N, k.weighted, k.N_width, 1, head.h, k.P_width, head.Y, k.X_width, true);
      }
    }
    if (c.after) advance_state(k, c, head);
  }
}

// The gradients of k.weighted (k.product) become those of `table`, of w, and row sums: E_q,before or E_end,j.
template <class Real>
void pull_back_weights(const SsdScratch<Real>& k, int count, const Real* table, const Real* factor, const Real* w,
                       Real* d_table, Real* d_w, Real* sums) {
  for (std::int64_t i = 0; i < count; ++i) {
    const Real scale = w ? factor[i] * w[i] : factor[i];
    Vec<Real> dot{};
    for (int n = 0; n < k.N_width; n += kLanes) {
      const Vec<Real> d = at(k.product + i * k.N_width + n);
      dot += d * at(table + i * k.B_width + n);
      at(d_table + i * k.B_width + n) += scale * d;
    }
    const Real total = sum_lanes<Real>(dot);
    if (d_w) d_w[i] += factor[i] * total;
    sums[i] = scale * total;
  }
}

// d(L_end w B) and dX of what went into the state after the chunk; row `outputs` of M becomes E_end.
template <class Real>
void pull_back_end(const SsdScratch<Real>& k, const SsdChunk& c, const SsdHead<Real>& e) {
  const Real* end = k.L + static_cast<std::int64_t>(c.outputs) * c.width;
  Real* E = k.M + static_cast<std::int64_t>(c.outputs) * c.width;
  weigh(k, c.count, e.B, end, e.w);
  gemm<Real>(c.count, k.P_width, k.N, k.weighted, k.N_width, 1, e.G, k.P_width, e.d_X, k.X_width, true);
  std::memset(k.turned, 0, static_cast<std::size_t>(k.P_width) * k.N_width * sizeof(Real));
  transpose(k.N, k.P, e.G, k.P_width, k.turned, k.N_width);
  gemm<Real>(c.count, k.N_width, k.P, e.X, k.X_width, 1, k.turned, k.N_width, k.product, k.N_width, false);
  for (int j = c.count; j < c.width; ++j) E[j] = 0;
  pull_back_weights(k, c.count, e.B, end, e.w, e.d_B, e.d_w, E);
}

// d(l C), and G for the chunk before this one. d_start[q] becomes E_q,before.
template <class Real>
void pull_back_start(const SsdScratch<Real>& k, const SsdChunk& c, const SsdHead<Real>& e) {
  const std::int64_t size = static_cast<std::int64_t>(k.N) * k.P_width;
  if (c.after) {
    Vec<Real> sum{};
    for (std::int64_t i = 0; i < size; i += kLanes) at(e.G + i) *= k.start[c.outputs], sum += at(e.G + i) * at(e.h + i);
    k.d_start[c.outputs] = sum_lanes<Real>(sum);
  } else {
    std::memset(e.G, 0, static_cast<std::size_t>(size) * sizeof(Real));
  }
  if (c.outputs == 0) return;
  weigh<Real>(k, c.outputs, e.C, k.start, nullptr);
  gemm<Real>(k.N, k.P_width, c.outputs, k.weighted, 1, k.N_width, e.d_Y, k.X_width, e.G, k.P_width, true);
  std::memset(k.turned, 0, static_cast<std::size_t>(k.P_width) * k.N_width * sizeof(Real));
  transpose(k.N, k.P, e.h, k.P_width, k.turned, k.N_width);
  gemm<Real>(c.outputs, k.N_width, k.P, e.d_Y, k.X_width, 1, k.turned, k.N_width, k.product, k.N_width, false);
  pull_back_weights<Real>(k, c.outputs, e.C, k.start, nullptr, e.d_C, nullptr, k.d_start);
}

// dX, then dS and dw; M becomes E.
template <class Real>
void pull_back_products(const SsdScratch<Real>& k, const SsdChunk& c, const SsdHead<Real>& e) {
  masked(k, c, e.w);
  gemm<Real>(c.count, k.P_width, c.outputs, k.M, 1, c.width, e.d_Y, k.X_width, e.d_X, k.X_width, true);
  if (c.count < c.width) std::memset(k.X_t, 0, static_cast<std::size_t>(k.P) * c.width * sizeof(Real));
  transpose(c.count, k.P, e.X, k.X_width, k.X_t, c.width);
  gemm<Real>(c.outputs, c.width, k.P, e.d_Y, k.X_width, 1, k.X_t, c.width, k.M, c.width, false);
  for (std::int64_t q = 0; q < c.outputs; ++q)
    for (std::int64_t j = 0, i = q * c.width; j < c.width; j += kLanes) {
      const Vec<Real> Lw = at(k.L + i + j) * at(e.w + j), d_M = at(k.M + i + j),
                      d_ML = d_M * at(k.S + i + j) * at(k.L + i + j);
      at(k.d_S + i + j) += d_M * Lw;
      at(e.d_w + j) += d_ML;
      at(k.M + i + j) = d_ML * at(e.w + j);
    }
}

// (7): F_j = sum of E_qj over the outputs q from here on; between two outputs it does not change.
template <class Real>
void pull_back_decay_rows(const SsdScratch<Real>& k, const SsdChunk& c, const SsdHead<Real>& e) {
  std::memset(k.F, 0, static_cast<std::size_t>(c.width) * sizeof(Real));
  Real F_before = 0;
  for (int j = c.rows() ? c.step_of(k.at, c.rows() - 1) + 1 : 0; j < c.count; ++j) e.d_a[j] = 0;
  for (int q = c.rows() - 1; q >= 0; --q) {
    const int now = c.step_of(k.at, q), last = q > 0 ? c.step_of(k.at, q - 1) : -1;
    const Real* E = k.M + static_cast<std::int64_t>(q) * c.width;
    if (c.before) F_before += k.d_start[q];
    Vec<Real> sum{};
    int j = 0;
    for (; j <= now; j += kLanes) {
      const Vec<Real> F = at(k.F + j) + at(E + j);
      at(k.F + j) = F;
      if (j + kLanes <= last + 1) sum += F;
    }
    Real below = F_before + sum_lanes<Real>(sum);
    for (j = (last + 1) / kLanes * kLanes; j <= last; ++j) below += k.F[j];
    for (; j <= now; ++j) e.d_a[j] = below, below += k.F[j];
  }
}

// Chunks from the last to the first; k.G goes from the state after the chunk to the state before it.
template <class Real>
void chunk_backward(const SsdScratch<Real>& k, const SsdChunk& c, int number) {
  for (int e = 0; e < k.heads; ++e) {
    const SsdHead<Real> head(k, c, number, e);
    const bool new_group = e * k.groups % k.heads == 0, end_of_group = (e + 1) * k.groups % k.heads == 0;
    if (new_group && c.outputs > 0) {
      similarities(k, c, head.B, head.C);
      std::memset(k.d_S, 0, static_cast<std::size_t>(c.outputs) * c.width * sizeof(Real));
    }
    decay_rows(k, c, head.a);
    if (c.outputs > 0) pull_back_products(k, c, head);
    if (c.after) pull_back_end(k, c, head);
    if (c.before) pull_back_start(k, c, head);
    pull_back_decay_rows(k, c, head);
    if (end_of_group && c.outputs > 0) {
      gemm<Real>(c.outputs, k.N_width, c.count, k.d_S, c.width, 1, head.B, k.B_width, head.d_C, k.B_width, true);
      gemm<Real>(c.count, k.N_width, c.outputs, k.d_S, 1, c.width, head.C, k.B_width, head.d_B, k.B_width, true);
    }
  }
}

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
