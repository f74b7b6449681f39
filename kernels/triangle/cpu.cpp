#include "kernels/triangle/triangle.hpp"

#include "kernels/operation.hpp"
#include "kernels/vec.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

constexpr double kLeast = 0.7;

template <class Real> Real logistic(Real z) { return 1 / (1 + std::exp(-z)); }
template <class Real> Real softplus_of(Real z) { return (z > 0 ? z : 0) + std::log1p(std::exp(-std::fabs(z))); }

template <class Real>
void forward(const Triangle<Real>& op) {
  for (int m = 0; m < op.models; ++m) {
    const Real *U = op.U.value(m), *log = op.log.value(m);
    Real *W_B = op.W_B.value(m), *W_C = op.W_C.value(m);
    for (std::int64_t c = 0, i = 0; c < op.U.rows; ++c, i = c * op.U.width)
      for (int n = 0; n < op.U.columns; ++n) {
        W_C[i + n] = c > n ? U[i + n] : c == n ? Real(1) : Real(0);
        W_B[i + n] = W_C[i + n] * op.sign * (softplus_of(log[n]) + Real(kLeast));
      }
    const auto clear = [&](const Parameter<Real>& W) {
      if (W.grads) std::memset(W.grad(m), 0, static_cast<std::size_t>(W.stride) * sizeof(Real));
    };
    clear(op.W_B), clear(op.W_C);
  }
}

template <class Real>
void backward(const Triangle<Real>& op) {
  for (int m = 0; m < op.models; ++m) {
    const Real *log = op.log.value(m), *W_C = op.W_C.value(m), *d_B = op.W_B.grad(m), *d_C = op.W_C.grad(m);
    Real *d_U = op.U.grad(m), *d_log = op.log.grad(m);
    for (std::int64_t c = 0, i = 0; c < op.U.rows; ++c, i = c * op.U.width)
      for (int n = 0; n < op.U.columns; ++n) {
        if (c > n) d_U[i + n] += d_C[i + n] + d_B[i + n] * op.sign * (softplus_of(log[n]) + Real(kLeast));
        d_log[n] += op.sign * logistic(log[n]) * W_C[i + n] * d_B[i + n];
      }
  }
}

PHASEGRID_OPERATION(Triangle)

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
