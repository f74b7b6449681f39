// S4D, a diagonal state-space model whose step size, B and C do not depend on the input (docs/theory.md, 1.2; arXiv 2206.11893):
//
//   a = e^{delta A}    b = f B    delta = e^{log_dt}    A = -e^{A_log} + i A_imag                               (1)
//   h_t = a h_{t-1} + b u_t                  h_0 = 0                                                            (2)
//   y_t = kappa Re sum_n C[n] h_t[n] + skip u_t                                                                 (3)
//
//   u (windows, D)   y (outputs, D)   log_dt, skip (1, D)   A, B, C (modes, D)
//
// Complex modes stand for conjugate pairs: kappa = 2. Real ones have no imaginary parts (absent parameters): kappa = 1. f is delta
// (euler), (a - 1) / A (zoh) or 1 (none). The walk is that of kernels/scan/scan.hpp.
//
// This operation runs the recurrence. kernels/s4d_kernel with kernels/long_conv computes the same by convolution, which is
// cheaper when few positions are read.
#pragma once
#include "kernels/rows.hpp"
#include "kernels/scan/scan.hpp"

namespace phasegrid::kernels {

template <class Real>
struct S4dParameters {
  Parameter<Real> log_dt, A_log, A_imag, B, B_imag, C, C_imag;
  Discretisation discretisation = Discretisation::zoh;
  bool is_complex() const { return static_cast<bool>(A_imag); }
  int modes() const { return A_log.rows; }
};

template <class Real>
struct S4d {
  int models;
  S4dParameters<Real> parameters;
  Rows<Real> u;
  Parameter<Real> skip;
  const Walk* walks;             // [models]
  Index output_row;              // (outputs) -> window row
  Rows<Real> y;
  int most_steps = 0;            // of one sequence; 0: no more than there are rows
  Real* scratch = nullptr;       // s4d_scratch() numbers

  template <class F> void each_input(F&& f) { f(u); }
};

// Which of the two is cheaper for N real states, if so many positions of a sequence are read. Measured for N = 4, 16, 64 and T = 64 .. 512,
// forward and backward: one state of one step costs as much as two pairs of a read position and one before it.
constexpr double kPairsPerState = 2;
inline bool s4d_convolves(double outputs, double N) { return outputs / 2 <= kPairsPerState * N; }

// States of one sequence and one tile of channels and modes, for the way back.
inline std::int64_t s4d_scratch(int most_steps) { return (most_steps + 1) * std::int64_t{16} * 8; }

}  // namespace phasegrid::kernels
