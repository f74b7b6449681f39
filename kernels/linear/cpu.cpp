#include "kernels/linear/linear.hpp"

#include "kernels/gemm.hpp"
#include "kernels/operation.hpp"
#include "kernels/parallel.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

// Rows are handled in panels that stay in the second-level cache from the first pass over them to the last: as many as
// gemm() takes of the depth of a product, so that sums over rows do not depend on the panels.
constexpr int kPanel = kGemmDepth;

template <class F>
void by_panels(std::int64_t begin, std::int64_t end, F&& f) {
  for (; begin < end; begin += kPanel) f(begin, end - begin < kPanel ? static_cast<int>(end - begin) : kPanel);
}

// What a row costs, in numbers touched once.
template <class Real>
std::int64_t work(const Linear<Real>& op) { return op.y.width * (std::int64_t{1} + op.x.width / 16); }

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
    parallel_rows(op.y.count[m], work(op), [&](std::int64_t first, std::int64_t last) {
      by_panels(first, last, [&](std::int64_t begin, int rows) {
        Real* y = op.y.value(m) + begin * out;
        if (op.b) start_with_bias(op, m, y, rows);
        if (W) gemm<Real>(rows, out, op.x.columns, op.x.value(m) + begin * in, in, 1, W, op.transposed ? out : op.W.width, y, out, static_cast<bool>(op.b));
        if (op.activation != Activation::identity)
          apply_activation(op.activation, y, op.derivative.values ? op.derivative.value(m) + begin * out : nullptr, static_cast<std::int64_t>(rows) * out);
      });
    });
  }
}

// d_y becomes d_z.
template <class Real>
void backward_activation(const Linear<Real>& op, int m, std::int64_t begin, int rows) {
  if (!op.derivative.values) return;
  Real* d_z = op.y.grad(m) + begin * op.y.width;
  const Real* derivative = op.derivative.value(m) + begin * op.y.width;
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(rows) * op.y.width; i += kLanes) at(d_z + i) *= at(derivative + i);
}

template <class Real>
void backward_input(const Linear<Real>& op, int m, const Real* W, std::int64_t begin, int rows) {
  const int in = op.x.width, out = op.y.width;
  gemm<Real>(rows, in, op.y.columns, op.y.grad(m) + begin * out, out, 1, W, op.transposed ? op.W.width : in, op.x.grad(m) + begin * in, in, op.x.add);
}

template <class Real>
void backward_bias(const Linear<Real>& op, int m, std::int64_t begin, int rows, int first, int last) {
  const Real* d_z = op.y.grad(m) + begin * op.y.width;
  for (int i = first; i < last; i += kLanes) {
    Vec<Real> sum = at(op.b.grad(m) + i);
    for (int r = 0; r < rows; ++r) sum += at(d_z + static_cast<std::int64_t>(r) * op.y.width + i);
    at(op.b.grad(m) + i) = sum;
  }
}

// A block of W.
struct Block { int row, rows, column, columns; };

// The gradient of W is left^T right.
template <class Real>
void backward_weights(const Linear<Real>& op, int m, std::int64_t begin, int rows, const Block& block) {
  const Rows<Real>&in = op.x, &out = op.y;
  const Real *x = in.value(m) + begin * in.width, *d_z = out.grad(m) + begin * out.width;
  const Real *left = op.transposed ? d_z : x, *right = op.transposed ? x : d_z;
  gemm<Real>(block.rows, block.columns, rows, left + block.row, 1, op.transposed ? out.width : in.width, right + block.column,
             op.transposed ? in.width : out.width, op.W.grad(m) + static_cast<std::int64_t>(block.row) * op.W.width + block.column, op.W.width, true);
}

// All panels for each thread's part of W, cut along its longer side, so that the wider of x and d_z is read once.
template <class Real>
void backward_weights_by_blocks(const Linear<Real>& op, int m) {
  const Block all{0, op.W.rows, 0, op.W.width};
  const bool by_rows = all.rows > all.columns;
  parallel_columns(by_rows ? padded(all.rows) : all.columns, op.y.count[m] * std::int64_t{1 + (by_rows ? all.columns : all.rows) / 16}, [&](int first, int last) {
    if (last > all.rows && by_rows) last = all.rows;
    const Block block = by_rows ? Block{first, last - first, 0, all.columns} : Block{0, all.rows, first, last - first};
    by_panels(0, op.y.count[m], [&](std::int64_t begin, int rows) { backward_weights(op, m, begin, rows, block); });
  });
}

// One thread takes each panel through all of it while the panel is in cache; several first share the rows, then the columns.
template <class Real>
void backward(const Linear<Real>& op) {
  for (int m = 0; m < op.models; ++m) {
    const std::int64_t count = op.y.count[m];
    const bool alone = pool_threads() == 1;
    const Real* W = !op.W || !op.x.grads ? nullptr : op.transposed ? op.W.value(m) : transposed_weights(op, m, op.x.width);
    parallel_rows(count, work(op), [&](std::int64_t first, std::int64_t last) {
      by_panels(first, last, [&](std::int64_t begin, int rows) {
        backward_activation(op, m, begin, rows);
        if (alone && op.b) backward_bias(op, m, begin, rows, 0, op.y.width);
        if (alone && op.W) backward_weights(op, m, begin, rows, {0, op.W.rows, 0, op.W.width});
        if (W) backward_input(op, m, W, begin, rows);
      });
    });
    if (alone) continue;
    if (op.b) parallel_columns(op.y.width, count, [&](int first, int last) { backward_bias(op, m, 0, static_cast<int>(count), first, last); });
    if (op.W) backward_weights_by_blocks(op, m);
  }
}

PHASEGRID_OPERATION(Linear)

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
