// All mixers: one file each in this folder, one line each here and in the table (worker/models/registry.cpp).
#pragma once
#include <functional>

#include "worker/models/builder.hpp"

namespace phasegrid::worker {

template <class Real> kernels::Rows<Real> s6(Builder<Real>& build, const MixerInput<Real>& in);
template <class Real> kernels::Rows<Real> mamba_delta_t(Builder<Real>& build, const MixerInput<Real>& in);
template <class Real> kernels::Rows<Real> linear_attention(Builder<Real>& build, const MixerInput<Real>& in);
template <class Real> kernels::Rows<Real> mamba2(Builder<Real>& build, const MixerInput<Real>& in);
BlockRows mamba2_rows(const ModelSettings& model);

// Shared by mixers with an input-dependent step size.

// Biases for which the initial step size is log-uniform in [1e-3, 1e-1], whatever the activation.
std::function<double(kernels::Random&, int, int)> delta_bias_start(kernels::Activation activation);

// C W at the positions that the layer is read at, for a weight (D, N).
template <class Real>
kernels::Rows<Real> read_out(Builder<Real>& build, const kernels::Rows<Real>& u, kernels::Parameter<Real> W);

// The scan as the layer walks it: op has what it reads; y comes back.
template <class Real>
kernels::Rows<Real> record_scan(Builder<Real>& build, kernels::Scan<Real> op);

}  // namespace phasegrid::worker
