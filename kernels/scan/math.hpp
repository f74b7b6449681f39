// One step of the scan for one state: the input factor f and its derivatives, for every value type.
//
//   euler  f = delta               df/ddelta = 1     df/dA = 0
//   zoh    f = (e^z - 1) / A       df/ddelta = e^z   df/dA = (delta e^z - f) / A        z = delta A
//   none   f = 1                   0                 0
//
// Near A = 0 both zoh expressions are 0/0; they are delta p(z) and delta^2 q(z) with
//   p(z) = (e^z - 1) / z = sum z^k / (k+1)!       q(z) = (z e^z - e^z + 1) / z^2 = sum z^k (k+1) / (k+2)!
#pragma once
#include "kernels/vec.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

// Series for |z| < 1/2; 12 terms leave 2^-12 / 13! ~ 4e-14 relative in double and all of float.
template <class V>
PHASEGRID_INLINE V zoh_p(V z, V a) {
  using Real = std::remove_reference_t<decltype(z[0])>;
  V series = V{} + 1;
  unrolled<14>([&](auto i) PHASEGRID_LAMBDA { series = 1 + z * series * (1 / Real(15 - i)); });
  return z * z < 0.25f ? series : (a - 1) / z;
}
template <class V>
PHASEGRID_INLINE V zoh_q(V z, V a) {
  // q = sum z^k c_k, c_0 = 1/2, c_k / c_{k-1} = (k+1) / (k (k+2))
  using Real = std::remove_reference_t<decltype(z[0])>;
  V series = V{} + 1;
  unrolled<14>([&](auto i) PHASEGRID_LAMBDA {
    constexpr int k = 14 - i;
    series = 1 + z * series * (Real(k + 1) / Real(k * (k + 2)));
  });
  return z * z < 0.25f ? series / 2 : (z * a - a + 1) / (z * z);
}

// kPerState: f depends on n, so that sums over n cannot pull it out.
struct EulerRule {
  static constexpr bool kPerState = false;
  template <class V> static PHASEGRID_INLINE V factor(V delta, V, V) { return delta; }
  template <class V> static PHASEGRID_INLINE V by_delta(V, V) { return V{} + 1; }
  template <class V> static PHASEGRID_INLINE V by_A(V, V, V) { return V{}; }
};
struct NoneRule {
  static constexpr bool kPerState = false;
  template <class V> static PHASEGRID_INLINE V factor(V, V, V) { return V{} + 1; }
  template <class V> static PHASEGRID_INLINE V by_delta(V, V) { return V{}; }
  template <class V> static PHASEGRID_INLINE V by_A(V, V, V) { return V{}; }
};
struct ZohRule {
  static constexpr bool kPerState = true;
  template <class V> static PHASEGRID_INLINE V factor(V delta, V A, V a) { return delta * zoh_p(V(delta * A), a); }
  template <class V> static PHASEGRID_INLINE V by_delta(V, V a) { return a; }
  template <class V> static PHASEGRID_INLINE V by_A(V delta, V A, V a) { return delta * delta * zoh_q(V(delta * A), a); }
};

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
