// With X = C b and P(x) = sum_j dK_j x^j:   dX = kappa P(conj a)     g = conj(a) da = kappa conj(a X) P'(conj a)
// Both polynomials by Horner's rule, so that no power of a is kept.
#include "kernels/s4d_kernel/s4d_kernel.hpp"

#include "kernels/operation.hpp"
#include "kernels/parallel.hpp"
#include "kernels/s4d/math.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

template <class Real, class Number, int NB>
void kernel_tile(const S4dKernel<Real>& op, Vec<Real> delta, int m, int n0, int c) {
  const std::int64_t D = op.K.width;
  Number w[NB], a[NB];
  unrolled<NB>([&](auto n) PHASEGRID_LAMBDA {
    w[n] = a[n] = NumberKind<Number>::from(Vec<Real>{});
    if (n0 + n < op.parameters.modes()) {
      const auto k = s4d_mode<Real, Number>(op.parameters, delta, m, n0 + n, c);
      w[n] = k.C * k.b * splat(Real(NumberKind<Number>::kParts)), a[n] = k.a;
    }
  });
  for (std::int64_t j = 0; j < op.K.count[m]; ++j) {
    Vec<Real> sum = n0 == 0 ? Vec<Real>{} : at(op.K.value(m) + j * D + c);
    unrolled<NB>([&](auto n) PHASEGRID_LAMBDA { sum += real_part(w[n]), w[n] = w[n] * a[n]; });  // (1)
    at(op.K.value(m) + j * D + c) = sum;
  }
}

template <class Real, class Number, int NB>
void kernel_gradient_tile(const S4dKernel<Real>& op, Vec<Real> delta, int m, int n0, int c) {
  const std::int64_t D = op.K.width;
  Number value[NB], slope[NB], x[NB];
  S4dMode<Number> mode[NB];
  for (int n = 0; n < NB; ++n) {
    if (n0 + n < op.parameters.modes()) mode[n] = s4d_mode<Real, Number>(op.parameters, delta, m, n0 + n, c);
  }
  unrolled<NB>([&](auto n) PHASEGRID_LAMBDA {
    value[n] = slope[n] = x[n] = NumberKind<Number>::from(Vec<Real>{});
    if (n0 + n < op.parameters.modes()) x[n] = conj(mode[n].a);
  });
  for (std::int64_t j = op.K.count[m] - 1; j >= 0; --j) {
    const Number d_K = NumberKind<Number>::from(at(op.K.grad(m) + j * D + c));
    unrolled<NB>([&](auto n) PHASEGRID_LAMBDA { slope[n] = slope[n] * x[n] + value[n], value[n] = value[n] * x[n] + d_K; });
  }
  const Vec<Real> kappa = splat(Real(NumberKind<Number>::kParts));
  for (int n = 0; n < NB && n0 + n < op.parameters.modes(); ++n) {
    const Number d_X = value[n] * kappa, g = conj(mode[n].a * mode[n].C * mode[n].b) * slope[n] * kappa;
    s4d_pull_back(op.parameters, delta, m, n0 + n, c, mode[n], conj(mode[n].b) * d_X, conj(mode[n].C) * d_X, g);
  }
}

template <class Real, class F>
void each_kernel_tile(const S4dKernel<Real>& op, F&& f) {
  constexpr int block = kLanes == 16 ? 4 : 2;
  for (int m = 0; m < op.models; ++m)
    parallel_columns(op.K.width, op.K.count[m] * std::int64_t{op.parameters.modes()}, [&](int begin, int end) {
      for (int c = begin; c < end; c += kLanes) {
        const Vec<Real> delta = s4d_delta(op.parameters, m, c);
        for (int n0 = 0; n0 < op.parameters.modes(); n0 += block) f(std::integral_constant<int, block>(), delta, m, n0, c);
      }
    });
}

template <class Real>
void forward(const S4dKernel<Real>& op) {
  each_kernel_tile(op, [&](auto block, Vec<Real> delta, int m, int n0, int c) {
    if (op.parameters.is_complex()) kernel_tile<Real, Number<Real, true>, block>(op, delta, m, n0, c);
    else kernel_tile<Real, Number<Real, false>, block>(op, delta, m, n0, c);
  });
}
template <class Real>
void backward(const S4dKernel<Real>& op) {
  each_kernel_tile(op, [&](auto block, Vec<Real> delta, int m, int n0, int c) {
    if (op.parameters.is_complex()) kernel_gradient_tile<Real, Number<Real, true>, block>(op, delta, m, n0, c);
    else kernel_gradient_tile<Real, Number<Real, false>, block>(op, delta, m, n0, c);
  });
}

PHASEGRID_OPERATION(S4dKernel)

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
