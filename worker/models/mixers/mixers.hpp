// All mixers: one file each in this folder, one line each here and in the table (worker/models/registry.cpp).
#pragma once
#include <complex>
#include <functional>
#include <limits>
#include <vector>

#include "worker/models/builder.hpp"

namespace phasegrid::worker {

template <class Real> kernels::Rows<Real> s6(Builder<Real>& build, const MixerInput<Real>& in);
template <class Real> kernels::Rows<Real> mamba_delta_t(Builder<Real>& build, const MixerInput<Real>& in);
template <class Real> kernels::Rows<Real> linear_attention(Builder<Real>& build, const MixerInput<Real>& in);
template <class Real> kernels::Rows<Real> mamba2(Builder<Real>& build, const MixerInput<Real>& in);
BlockRows mamba2_rows(const ModelSettings& model);
template <class Real> kernels::Rows<Real> s4(Builder<Real>& build, const MixerInput<Real>& in);
template <class Real> kernels::Rows<Real> b2s6(Builder<Real>& build, const MixerInput<Real>& in);
template <class Real> kernels::Rows<Real> attention(Builder<Real>& build, const MixerInput<Real>& in);
template <class Real> kernels::Rows<Real> s4d(Builder<Real>& build, const MixerInput<Real>& in);

// Shared by mixers with an input-dependent step size.

// Biases for which the initial step size is log-uniform in [1e-3, 1e-1], whatever the activation.
std::function<double(kernels::Random&, int, int)> delta_bias_start(kernels::Activation activation);

// C W at the positions that the layer is read at, for a weight (D, N).
template <class Real>
kernels::Rows<Real> read_out(Builder<Real>& build, const kernels::Rows<Real>& u, kernels::Parameter<Real> W);

// S6, or with a step size for every state instead of every channel.
template <class Real>
kernels::Rows<Real> selective(Builder<Real>& build, const MixerInput<Real>& in, bool delta_by_state);

// The scan as the layer walks it: op has what it reads; y comes back.
template <class Real>
kernels::Rows<Real> record_scan(Builder<Real>& build, kernels::Scan<Real> op);

// Shared by mixers with diagonal, possibly complex states (diagonal.cpp).

// Eigenvalues that states start with.
std::vector<std::complex<double>> diagonal_start(S4dInit kind, int modes, bool is_complex);

// log_dt for which the step size starts log-uniform in [1e-3, 1e-1] (s4d.cpp).
std::function<double(kernels::Random&, int, int)> log_delta_start();

using Start = std::function<double(kernels::Random&, int, int)>;
struct ComplexInfo {
  int rows = 0, columns = 0;
  FilePlace::Form form = FilePlace::same;
  bool is_complex = true;
  std::string real_name, re_name, im_name;   // of datasets: of a real parameter, of the parts of a complex one
  Start re, im;
  double decay = 1;
  double absent = std::numeric_limits<double>::quiet_NaN();  // FilePlace::absent
};
template <class Real> struct ComplexParameter { kernels::Parameter<Real> re, im; };   // im: absent if real
template <class Real> ComplexParameter<Real> complex_parameter(Builder<Real>& build, const ComplexInfo& info);

template <class Real>
kernels::Rows<Real> record_long_conv(Builder<Real>& build, kernels::Rows<Real> u, kernels::Rows<Real> K, kernels::Parameter<Real> skip);

}  // namespace phasegrid::worker
