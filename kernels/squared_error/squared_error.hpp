// Mean squared error over the scored positions of each model's batch and the numbers asked for at each:
//
//   loss = 1/(Q O) sum_q sum_o (y_qo - target_qo)^2      d_y = 2 (y - target) / (Q O)
//
//   y (Q, O)   target (Q, O), as data come   loss (models)
//
// The gradient is formed on the way forward, where the differences are.
#pragma once
#include "kernels/reals.hpp"
#include "kernels/rows.hpp"

namespace phasegrid::kernels {

template <class Real>
struct SquaredError {
  int models;
  Rows<Real> y;
  Reals target;
  double* loss;      // evaluating in pieces: the sum over positions of their means over outputs, see `mean`
  bool mean = true;  // training: gradients and loss divided by Q

  template <class F> void each_input(F&& f) { f(y); }
};

}  // namespace phasegrid::kernels
