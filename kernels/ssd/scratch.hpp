// Where things lie in scratch memory, the operation's or that of a thread that helps. One sequence at a time is packed into it: rows in the order of
// its steps, every head and every group padded to kPad numbers of its own, so that products of matrices find them.
#pragma once
#include "kernels/ssd/ssd.hpp"

namespace phasegrid::kernels {

template <class Real>
struct SsdScratch {
  int heads, groups, P, N;                          // P, N: of one head, of one group
  int P_width, N_width, X_width, B_width;           // padded: one head, all heads; one group, all groups
  std::int64_t steps, chunk, chunks;                // at most; steps and chunk padded
  std::int64_t state;                               // numbers of one state: heads (N, P_width)
  Real *X, *B, *C, *Y, *d_X, *d_B, *d_C, *d_Y;      // (steps or outputs, X_width or B_width)
  Real *a, *w, *sum, *slope, *d_a, *d_w, *repeats;  // (heads, steps): decay.hpp; repeats (steps)
  Real *S, *d_S, *L, *M, *B_t, *X_t, *start;  // inside a chunk: (outputs + 1, chunk), transposed tables, (outputs + 1)
  Real *F, *d_start;                          // sums of chunk.hpp
  Real *weighted, *product, *turned;          // of one head: B or C scaled, their gradients, a state transposed
  Real *h, *G;                                // states: before every chunk or after every step; their adjoint
  Real *A, *d_A, *d_skip;                     // (heads), padded; of one sequence
  Real* d_A_sum;                              // (heads), padded; of all sequences
  std::int32_t* at;                           // (outputs) -> step
  std::int64_t size;

  SsdScratch(const Ssd<Real>& op, Real* scratch) {
    heads = op.heads, groups = op.groups, P = op.u.columns / heads, N = op.B.columns / groups;
    P_width = padded(P), N_width = padded(N), X_width = heads * P_width, B_width = groups * N_width;
    const bool plain = op.chunk == 0;
    steps = padded(op.most_steps), chunk = plain ? 0 : padded(op.chunk < op.most_steps ? op.chunk : op.most_steps);
    chunks = plain ? steps : (op.most_steps + op.chunk - 1) / op.chunk;
    state = static_cast<std::int64_t>(heads) * N * P_width;
    const std::int64_t outputs = op.most_outputs, in_chunk = plain ? 0 : (outputs < op.chunk ? outputs : op.chunk) + 1;
    const std::int64_t rows = steps > in_chunk ? steps : in_chunk;

    std::int64_t used = 0;
    auto take = [&](std::int64_t n) {
      const std::int64_t begin = used;
      used += (n + kPad - 1) / kPad * kPad;
      return scratch ? scratch + begin : nullptr;
    };
    X = take(steps * X_width), d_X = take(steps * X_width), B = take(steps * B_width), d_B = take(steps * B_width);
    Y = take(outputs * X_width), d_Y = take(outputs * X_width), C = take(outputs * B_width),
    d_C = take(outputs * B_width);
    a = take(heads * steps), w = take(heads * steps), sum = take(heads * steps), slope = take(heads * steps);
    d_a = take(heads * steps), d_w = take(heads * steps), repeats = take(steps);
    S = take(in_chunk * chunk), d_S = take(in_chunk * chunk), L = take(in_chunk * chunk), M = take(in_chunk * chunk);
    B_t = take(N_width * chunk), X_t = take(P_width * chunk), start = take(in_chunk), F = take(chunk),
    d_start = take(in_chunk);
    weighted = take(rows * N_width), product = take(rows * N_width),
    turned = take(static_cast<std::int64_t>(P_width) * N_width);
    h = take(((plain ? steps : chunks) + 1) * state), G = take(state);
    A = take(padded(heads)), d_A = take(padded(heads)), d_skip = take(padded(heads)), d_A_sum = take(padded(heads));
    at = reinterpret_cast<std::int32_t*>(take(outputs));
    size = used;
  }
};

}  // namespace phasegrid::kernels
