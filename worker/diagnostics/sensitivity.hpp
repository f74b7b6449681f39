// What the last state and the last output of a layer owe to its input at each position (docs/theory.md, 4.1 and 4.4).
//
//   J_j = dh_T / dx_j (D N, D)        K_j = dy_T / dx_j (D, D)        S_j = |K_j|_F / sum_k |K_k|_F               (1)
//   dh_T[c,n] / dx_j = e^{A sum_{r>j} delta_r} { ddelta_j (A a_j h_{j-1} + f'_j B_j x_j)
//                                                + f_j x_j W_B[n,.] + f_j B_j[n] 1_c }                            (2)
//
// in closed form, with ddelta_j = delta'(z_j) W_step and f' = df / ddelta (1 for euler, a_j for zoh, 0 for none). x_j
// is the mixer's input. What a variant takes from elsewhere (Mamba-2: delta, B and C; gated linear attention: its
// decay) is held fixed.
#pragma once
#include <vector>

#include "worker/diagnostics/recurrence.hpp"

namespace phasegrid::worker {

struct Reach {
  std::vector<double> state, output;  // [T]: |J_j|_F and |K_j|_F, j = 1 .. T
};
Reach reach(const Recurrence& r);
std::vector<double> shares(const std::vector<double>& output);  // S_j

// The gradient of sum_c y_T[c] by the step size's projection: its weight (steps, inputs) as one matrix, whatever its
// rank, and its bias.
struct StepGradient {
  Table<double> weight;
  std::vector<double> bias;
};
StepGradient step_gradient(const Recurrence& r);            // needs step_bias
double norm(const StepGradient& gradient, bool of_weight);  // Frobenius

// The diagonal system that does not look at its input, with the same A and bias: delta_t = activation(bias), B = C = 1.
// The ratio of step gradients to this one's is what arXiv 2505.09022, theorem 3 is about.
Recurrence time_invariant_twin(const Recurrence& r);

// Singular values of the last outputs (examples, D) of a layer, largest first, as multiples of the largest: one that is
// not 0 if all channels say the same (arXiv 2505.09022, theorem 1).
std::vector<double> output_singular_values(const Table<double>& last_outputs);

}  // namespace phasegrid::worker
