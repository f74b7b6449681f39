#include "kernels/linear/linear.hpp"

#include "kernels/gemm.hpp"
#include "kernels/operation.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

// Rows are handled in panels that stay in the second-level cache from the first pass over them to the last: as many as
// gemm() takes of the depth of a product, so that sums over rows do not depend on the panels.
constexpr int kPanel = kGemmDepth;

template <class Real, class F>
void by_panels(const Rows<Real>& rows, int m, F&& f) {
  const int count = rows.count[m];
  for (int begin = 0; begin < count; begin += kPanel) f(begin, count - begin < kPanel ? count - begin : kPanel);
}

// y starts as the bias of every row, then the product is added: bias first, so that the order does not depend on rows.
template <class Real>
void start_with_bias(const Linear<Real>& op, int m, Real* y, int rows) {
  for (int r = 0; r < rows; ++r, y += op.y.width)
    for (int i = 0; i < op.y.width; i += kLanes) at(y + i) = at(op.b.value(m) + i);
}

template <class Real>
void apply_activation(Activation activation, Real* y, Real* derivative, std::int64_t n) {
  for (std::int64_t i = 0; i < n; i += kLanes) {
    const Pointwise<Vec<Real>> p = activate(activation, at(y + i));
    at(y + i) = p.value;
    if (derivative) at(derivative + i) = p.derivative;
  }
}

// W^T; its padding columns are zero and stay zero.
template <class Real>
const Real* transposed_weights(const Linear<Real>& op, int m, int width) {
  transpose(op.W.rows, op.W.columns, op.W.value(m), op.W.width, op.scratch, width);
  return op.scratch;
}

template <class Real>
void forward(const Linear<Real>& op) {
  const int in = op.x.width, out = op.y.width;
  for (int m = 0; m < op.models; ++m) {
    const Real* W = !op.W ? nullptr : op.transposed ? transposed_weights(op, m, out) : op.W.value(m);
    by_panels(op.y, m, [&](std::int64_t begin, int rows) {
      Real* y = op.y.value(m) + begin * out;
      if (op.b) start_with_bias(op, m, y, rows);
      if (W) gemm<Real>(rows, out, op.x.columns, op.x.value(m) + begin * in, in, 1, W, op.transposed ? out : op.W.width, y, out, static_cast<bool>(op.b));
      if (op.activation != Activation::identity)
        apply_activation(op.activation, y, op.derivative.values ? op.derivative.value(m) + begin * out : nullptr, static_cast<std::int64_t>(rows) * out);
    });
  }
}

template <class Real>
void backward_bias(const Linear<Real>& op, int m, const Real* d_z, int rows) {
  for (int i = 0; i < op.y.width; i += kLanes) {
    Vec<Real> sum = at(op.b.grad(m) + i);
    for (int r = 0; r < rows; ++r) sum += at(d_z + static_cast<std::int64_t>(r) * op.y.width + i);
    at(op.b.grad(m) + i) = sum;
  }
}

template <class Real>
void backward(const Linear<Real>& op) {
  const int in = op.x.width, out = op.y.width;
  for (int m = 0; m < op.models; ++m) {
    const Real* W = !op.W || !op.x.grads ? nullptr : op.transposed ? op.W.value(m) : transposed_weights(op, m, in);
    by_panels(op.y, m, [&](std::int64_t begin, int rows) {
      Real* d_z = op.y.grad(m) + begin * out;
      const Real* derivative = op.derivative.values ? op.derivative.value(m) + begin * out : nullptr;
      for (std::int64_t i = 0; derivative && i < static_cast<std::int64_t>(rows) * out; i += kLanes) at(d_z + i) *= at(derivative + i);
      if (op.b) backward_bias(op, m, d_z, rows);
      if (!op.W) return;
      const Real* x = op.x.value(m) + begin * in;
      if (op.transposed) gemm<Real>(op.y.columns, in, rows, d_z, 1, out, x, in, op.W.grad(m), op.W.width, true);
      else gemm<Real>(op.x.columns, out, rows, x, 1, in, d_z, out, op.W.grad(m), op.W.width, true);
      if (W) gemm<Real>(rows, in, op.y.columns, d_z, out, 1, W, op.transposed ? op.W.width : in, op.x.grad(m) + begin * in, in, op.x.add);
    });
  }
}

PHASEGRID_OPERATION(Linear)

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
