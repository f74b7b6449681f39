// S6, the selective state space model of Mamba (docs/theory.md, 1.2; arXiv 2312.00752):
//
//   delta_t = softplus(W_up W_down u_t + b)        B_t = W_B u_t        C_t = W_C u_t
//   h_t[c,n] = e^{delta_t[c] A[c,n]} h_{t-1}[c,n] + f_t[c,n] B_t[n] u_t[c]
//   y_t[c] = sum_n C_t[n] h_t[c,n] + skip[c] u_t[c]
//
//   u, y (T, D)   A (D, N) starts at -1, -2, .. -N   b such that delta starts log-uniform in [1e-3, 1e-1]   skip at 1
#include "worker/models/mixers/mixers.hpp"

namespace phasegrid::worker {

template <class Real>
kernels::Rows<Real> s6(Builder<Real>& build, const MixerInput<Real>& in) {
  return selective(build, in, false);
}

template kernels::Rows<float> s6(Builder<float>&, const MixerInput<float>&);
template kernels::Rows<double> s6(Builder<double>&, const MixerInput<double>&);

}  // namespace phasegrid::worker
