// Time, recovered by a selective state-space layer (Proposition 1 of arXiv 2506.11891): S6 with one channel, fed with ones.
//
//   h_t = e^{delta A} h_{t-1} + delta B        p_t = C h_t        e_t = Emb[token_t] + p_t w
//
// Fixed weights make it count: without decay, with delta = 1, p_t = t, and w puts t / T in the last channel, as
// positional = "scalar" does. Trained weights start as those of any S6 layer.
#pragma once
#include "worker/models/builder.hpp"

namespace phasegrid::worker {

// e plus what the layer says about each row's position. Parameters: time.A_log, time.dt_bias, time.B, time.C, time.out_proj.weight.
template <class Real>
kernels::Rows<Real> add_time(Builder<Real>& build, const kernels::Rows<Real>& e);

}  // namespace phasegrid::worker
