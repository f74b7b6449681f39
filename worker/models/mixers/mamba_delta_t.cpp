// Mamba-Delta^T: S6 with a step size for every state instead of every channel (docs/theory.md, 1.2; arXiv 2506.11891,
// eq. 15):
//
//   delta_t = softplus(W u_t + b)  in R^N        B_t = W_B u_t        C_t = W_C u_t
//   h_t[c,n] = e^{delta_t[n] A[c,n]} h_{t-1}[c,n] + f B_t[n] u_t[c]
//   y_t[c] = sum_n C_t[n] h_t[c,n] + skip[c] u_t[c]
//
//   u, y (T, D)   A (D, N)   b (N)   f = 1 as published (discretisation none), delta_t[n] (euler) or exact (zoh)
//
// W is of rank delta_rank or full; everything starts as in S6. Files: as S6, with dt_proj of N rows.
#include "worker/models/mixers/mixers.hpp"

namespace phasegrid::worker {

template <class Real>
kernels::Rows<Real> mamba_delta_t(Builder<Real>& build, const MixerInput<Real>& in) {
  return selective(build, in, true);
}

template kernels::Rows<float> mamba_delta_t(Builder<float>&, const MixerInput<float>&);
template kernels::Rows<double> mamba_delta_t(Builder<double>&, const MixerInput<double>&);

}  // namespace phasegrid::worker
