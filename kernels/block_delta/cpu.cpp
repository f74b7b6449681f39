#include "kernels/block_delta/block_delta.hpp"

#include "kernels/operation.hpp"
#include "kernels/vec.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

template <class Real>
void forward(const BlockDelta<Real>& op) {
  const int D = op.u.columns, width = op.u.width, p = D / op.blocks;
  for (int m = 0; m < op.models; ++m)
    for (std::int64_t r = 0; r < op.u.count[m]; ++r) {
      const Real *u = op.u.value(m) + r * width, *w = op.w.value(m);
      Real* delta = op.delta.value(m) + r * width;
      for (int begin = 0; begin < D; begin += p) {
        Real z = 0;
        for (int i = begin; i < begin + p; ++i) z += w[i] * u[i];
        for (int i = begin; i < begin + p; ++i) delta[i] = z;
      }
      for (int c = D; c < width; ++c) delta[c] = 0;
      for (int c = 0; c < width; c += kLanes) {
        const Pointwise<Vec<Real>> a = activate(op.activation, Vec<Real>(at(delta + c) + at(op.b.value(m) + c)));  // (1)
        at(delta + c) = a.value;
        if (op.derivative.values) at(op.derivative.value(m) + r * width + c) = a.derivative;
      }
    }
}

template <class Real>
void backward(const BlockDelta<Real>& op) {
  const int D = op.u.columns, width = op.u.width, p = D / op.blocks;
  for (int m = 0; m < op.models; ++m)
    for (std::int64_t r = 0; r < op.u.count[m]; ++r) {
      const Real *u = op.u.value(m) + r * width, *w = op.w.value(m);
      Real *d_z = op.delta.grad(m) + r * width, *d_u = op.u.grad(m) + r * width, *d_w = op.w.grad(m);
      for (int c = 0; c < width; c += kLanes) {
        at(d_z + c) *= at(op.derivative.value(m) + r * width + c);
        at(op.b.grad(m) + c) += at(d_z + c);
        if (!op.u.add) at(d_u + c) = Vec<Real>{};
      }
      for (int begin = 0; begin < D; begin += p) {
        Real sum = 0;
        for (int i = begin; i < begin + p; ++i) sum += d_z[i];
        for (int i = begin; i < begin + p; ++i) d_w[i] += sum * u[i], d_u[i] += sum * w[i];
      }
    }
}

PHASEGRID_OPERATION(BlockDelta)

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
