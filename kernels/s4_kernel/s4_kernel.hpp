// The impulse response of S4, a state-space model whose state matrix is diagonal plus rank one, discretised bilinearly
// (docs/theory.md, 1.2; arXiv 2111.00396), for kernels/long_conv:
//
//   A = diag(L) - P Q^H      M = (I - delta/2 A)^{-1}      A' = 2 M - I      B' = delta M B                       (1)
//   K_j = 2 Re sum_n C[n] w_j[n]      w_0 = B'      w_{j+1} = A' w_j      j = 0 .. T - 1                          (2)
//
//   K (T, D)   log_dt (1, D)   L = -e^{A_log} + i A_imag, P, Q, B, C (modes, D): one matrix per channel
//
// M, and so A', is diagonal plus rank one too (Sherman and Morrison), so that no matrix is formed:
//   x = delta/2    e = 1 / (1 - x L)    f = e P    r = conj(Q) e    g = x / (1 + x sum conj(Q) f)                (3)
//   M w = e w - g f (sum r w)                                                                                     (4)
#pragma once
#include "kernels/rows.hpp"

namespace phasegrid::kernels {

template <class Real>
struct S4Kernel {
  int models;
  Parameter<Real> log_dt, A_log, A_imag, P, P_imag, Q, Q_imag, B, B_imag, C, C_imag;
  Rows<Real> K;
  Real* scratch = nullptr;      // s4_kernel_scratch() numbers

  template <class F> void each_input(F&&) {}
};

// Per mode and for one vector of channels: L, P, Q, B, C, e, f, r and w on the way out, their gradients and G on the way back; then the
// history of w and of sum r w.
inline std::int64_t s4_kernel_scratch(int modes, int T) { return std::int64_t{2} * 16 * (19 * modes + static_cast<std::int64_t>(T) * (modes + 1)); }

}  // namespace phasegrid::kernels
