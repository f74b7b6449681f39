// The recurrence of one layer on one sequence (docs/theory.md, 1.2), in double, in the one form that all variants with
// a diagonal state share. For channel c with group g of projections:
//
//   a_t[n] = e^{delta_t A[c,n]}                                                                             (1)
//   h_t[n] = a_t[n] h_{t-1}[n] + f_t[n] (B_t[g,n] + B_own[c,n]) x_t[c]          h_0 = 0                       (2)
//   y_t[c] = Re sum_n (C_t[g,n] + C_own[c,n]) h_t[n] + skip[c] x_t[c]                                         (3)
//
//   x, y (T, D)   delta (T, steps): a step size for each channel, head or state   A, B_own, C_own (D, N)
//   B, C (T, groups N)   f is delta (euler), (a - 1) / A (zoh) or 1 (none)
//
// Complex states are stored once for each conjugate pair where the variant does so; the factor 2 is in C_own. What B, C
// and delta make of x, if anything, are W_B, W_C (groups N, D) and W_step (steps, D), for derivatives. The recurrence
// is recomputed here from what the tape holds; the network's kernels know nothing of it.
#pragma once
#include <vector>

#include "kernels/activation.hpp"
#include "kernels/scan/scan.hpp"
#include "worker/diagnostics/table.hpp"

namespace phasegrid::worker {

struct Recurrence {
  int T = 0, D = 0, N = 0, groups = 1;
  kernels::Discretisation rule = kernels::Discretisation::euler;
  bool step_by_state = false;
  std::vector<int> step_of, group_of;  // (D): the channel's column of delta, unless by state; its group
  Table<double> x, delta;
  Table<Complex> A, B, C, B_own, C_own;  // absent: 0
  std::vector<double> skip;              // (D)

  kernels::Activation step_activation = kernels::Activation::softplus;
  std::vector<double> step_bias;     // (steps); empty: the step size is no function of an input
  Table<double> step_input, W_step;  // (T, ..), (steps, ..): delta_t = activation(W_step step_input_t + step_bias)
  bool step_follows_x = false, BC_follow_x = false;
  Table<Complex> W_B, W_C;  // (groups N, ..): B_t = W_B x_t, or a function of the block's input

  int steps() const { return delta.columns; }
  int step_column(int c, int n) const { return step_by_state ? n : step_of[static_cast<std::size_t>(c)]; }
  double step(int t, int c, int n) const { return delta(t, step_column(c, n)); }
  double step_slope(int t, int column) const;  // d delta / d pre-activation
};

// One channel on all positions, (T, N) each: the decay a, the input factor f and its derivative by delta, B and C
// complete, and the state after each step.
struct Channel {
  Table<Complex> a, f, f_slope, B, C, h;
};
Channel walk(const Recurrence& r, int c);

Table<Complex> last_state(const Recurrence& r);  // h_T (D, N)
Table<double> outputs(const Recurrence& r);      // y (T, D), by (3)

}  // namespace phasegrid::worker
