#include "kernels/linear/linear.hpp"

#include "kernels/gemm.hpp"
#include "kernels/operation.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

// y starts as the bias of every row (or as zero), then the product is added: bias first, so that the order does not depend on rows.
template <class Real>
void start_with_bias(const Linear<Real>& op, int m) {
  const int rows = op.y.count[m], width = op.y.width;
  Real* y = op.y.value(m);
  for (int r = 0; r < rows; ++r, y += width)
    for (int i = 0; i < width; i += kLanes) at(y + i) = at(op.b.value(m) + i);
}

template <class Real>
void apply_activation(const Linear<Real>& op, int m) {
  const std::int64_t n = static_cast<std::int64_t>(op.y.count[m]) * op.y.width;
  Real *y = op.y.value(m), *derivative = op.derivative.values ? op.derivative.value(m) : nullptr;
  for (std::int64_t i = 0; i < n; i += kLanes) {
    const Pointwise<Vec<Real>> p = activate(op.activation, at(y + i));
    at(y + i) = p.value;
    if (derivative) at(derivative + i) = p.derivative;
  }
}

template <class Real>
void forward(const Linear<Real>& op) {
  for (int m = 0; m < op.models; ++m) {
    const int rows = op.y.count[m];
    if (op.b) start_with_bias(op, m);
    if (op.W) {
      const Real* W = op.W.value(m);
      int width = op.W.width;
      if (op.transposed) {
        width = op.y.width;  // the padding columns of op.scratch are zero and stay zero
        transpose(op.W.rows, op.W.columns, op.W.value(m), op.W.width, op.scratch, width);
        W = op.scratch;
      }
      gemm<Real>(rows, op.y.width, op.x.columns, op.x.value(m), op.x.width, 1, W, width, op.y.value(m), op.y.width, static_cast<bool>(op.b));
    }
    if (op.activation != Activation::identity) apply_activation(op, m);
  }
}

template <class Real>
void backward(const Linear<Real>& op) {
  for (int m = 0; m < op.models; ++m) {
    const int rows = op.y.count[m], width = op.y.width;
    Real* d_z = op.y.grad(m);
    if (op.derivative.values) {
      const Real* derivative = op.derivative.value(m);
      for (std::int64_t i = 0; i < static_cast<std::int64_t>(rows) * width; i += kLanes) at(d_z + i) *= at(derivative + i);
    }
    if (op.b)
      for (int i = 0; i < width; i += kLanes) {
        Vec<Real> sum = at(op.b.grad(m) + i);
        for (int r = 0; r < rows; ++r) sum += at(d_z + static_cast<std::int64_t>(r) * width + i);
        at(op.b.grad(m) + i) = sum;
      }
    if (!op.W) continue;
    const int in = op.x.columns, out = op.y.columns;
    const Real* x = op.x.value(m);
    if (op.transposed) {
      gemm<Real>(out, op.x.width, rows, d_z, 1, width, x, op.x.width, op.W.grad(m), op.W.width, true);
      if (op.x.grads) gemm<Real>(rows, op.x.width, out, d_z, width, 1, op.W.value(m), op.W.width, op.x.grad(m), op.x.width, op.x.add);
      continue;
    }
    gemm<Real>(in, width, rows, x, 1, op.x.width, d_z, width, op.W.grad(m), op.W.width, true);
    if (!op.x.grads) continue;
    transpose(in, out, op.W.value(m), op.W.width, op.scratch, op.x.width);
    gemm<Real>(rows, op.x.width, out, d_z, width, 1, op.scratch, op.x.width, op.x.grad(m), op.x.width, op.x.add);
  }
}

PHASEGRID_OPERATION(Linear)

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
