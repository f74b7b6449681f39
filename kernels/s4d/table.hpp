// The coefficients of S4D's modes on the device, computed once for all sequences, and the way back from their gradients.
#pragma once
#include "kernels/device/number.hpp"
#include "kernels/device/queue.hpp"
#include "kernels/s4d/s4d.hpp"

namespace phasegrid::kernels::cuda {

// Numbers [M][kinds][parts][modes][D]: kinds 0, 1 are a and b; of gradients, 0, 1, 2 are those of C, b and g (kernels/s4d/mode.hpp).
struct ModeTable {
  float* p = nullptr;
  int kinds = 0, parts = 0, modes = 0, D = 0;

  std::int64_t size() const { return static_cast<std::int64_t>(kinds) * parts * modes * D; }  // of one model
  __device__ float* at(int m, int kind, int n, int c) const {
    return p + ((static_cast<std::int64_t>(m) * kinds + kind) * parts * modes + n) * D + c;
  }
  __device__ std::int64_t part() const { return static_cast<std::int64_t>(modes) * D; }  // from real to imaginary parts
  template <class N>
  __device__ N get(int m, int kind, int n, int c) const {
    const float* here = at(m, kind, n, c);
    return load<N>(here, here + part());
  }
  template <class N>
  __device__ void set(int m, int kind, int n, int c, N x) const {
    float* here = at(m, kind, n, c);
    store(here, here + part(), x);
  }
};
constexpr int kModeA = 0, kModeB = 1;                // kinds of coefficients
constexpr int kByC = 0, kByB = 1, kByA = 2;          // kinds of gradients

inline ModeTable mode_table(const S4dParameters<float>& p, int kinds) {
  return {nullptr, kinds, p.is_complex() ? 2 : 1, p.modes(), p.A_log.width};
}

template <class N>
__device__ N mode_C(const S4dParameters<float>& p, int m, int n, int c) {
  const std::int64_t i = static_cast<std::int64_t>(n) * p.C.width + c;
  return load<N>(value(p.C, m) + i, NumberKind<N>::kParts == 2 ? value(p.C_imag, m) + i : nullptr);
}

void find_modes(int models, const S4dParameters<float>& parameters, const ModeTable& modes);
void pull_back_modes(int models, const S4dParameters<float>& parameters, const ModeTable& gradients);

}  // namespace phasegrid::kernels::cuda
