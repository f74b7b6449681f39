// Blocks across lanes: W and a few rows of x are turned so that the same channel of every block lies side by side. With few blocks most
// lanes would be empty; then a product of matrices for every block.
#include "kernels/block_linear/block_linear.hpp"

#include "kernels/gemm.hpp"
#include "kernels/operation.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

constexpr int kRowsTogether = 4;
constexpr int kFewBlocks = 3;

// Scratch memory: W turned, [part][n][i][block]; its gradient; rows of x turned and their gradient, [row][i][block].
template <class Real>
struct TurnedBlocks {
  int blocks, p, columns, stride;   // columns: parts N
  std::int64_t size;                // of one turned row
  Real *W, *d_W, *x, *d_x;

  explicit TurnedBlocks(const BlockLinear<Real>& op)
      : blocks(op.blocks), p(op.x.columns / op.blocks), columns((op.W_imag ? 2 : 1) * op.W.columns), stride(padded(op.blocks)), size(static_cast<std::int64_t>(p) * stride) {
    W = op.scratch, d_W = W + columns * size, x = d_W + columns * size, d_x = x + kRowsTogether * size;
  }
  void turn(const Real* row, Real* out) const {
    for (int j = 0; j < blocks; ++j)
      for (int i = 0; i < p; ++i) out[i * stride + j] = row[j * p + i];
  }
  void turn_weights(const BlockLinear<Real>& op, int m) const {
    for (int q = 0; q < columns; ++q) {
      const Parameter<Real>& part = q < op.W.columns ? op.W : op.W_imag;
      const Real* from = part.value(m) + q % op.W.columns;
      for (int j = 0; j < blocks; ++j)
        for (int i = 0; i < p; ++i) W[q * size + i * stride + j] = from[static_cast<std::int64_t>(j * p + i) * part.width];
    }
  }
  void add_weight_gradients(const BlockLinear<Real>& op, int m) const {
    for (int q = 0; q < columns; ++q) {
      const Parameter<Real>& part = q < op.W.columns ? op.W : op.W_imag;
      Real* to = part.grad(m) + q % op.W.columns;
      for (int j = 0; j < blocks; ++j)
        for (int i = 0; i < p; ++i) to[static_cast<std::int64_t>(j * p + i) * part.width] += d_W[q * size + i * stride + j];
    }
  }
};

// Sums over `count` of a[k a_step] b[row][k b_step], for `rows` rows and two neighbouring columns or one: a has those, column_step apart.
template <class Real, int rows, int columns>
PHASEGRID_INLINE void dot(int count, const Real* a, std::int64_t a_step, std::int64_t column_step, const Real* b, std::int64_t b_step, std::int64_t b_row, Real* out,
                          std::int64_t out_column, std::int64_t out_row) {
  Vec<Real> sum[rows * columns];
  unrolled<rows * columns>([&](auto i) PHASEGRID_LAMBDA { sum[i] = Vec<Real>{}; });
  for (int k = 0; k < count; ++k)
    unrolled<columns>([&](auto c) PHASEGRID_LAMBDA {
      const Vec<Real> w = at(a + k * a_step + c * column_step);
      unrolled<rows>([&](auto r) PHASEGRID_LAMBDA { sum[c * rows + r] += w * at(b + k * b_step + r * b_row); });
    });
  unrolled<columns>([&](auto c) PHASEGRID_LAMBDA {
    unrolled<rows>([&](auto r) PHASEGRID_LAMBDA { at(out + c * out_column + r * out_row) = sum[c * rows + r]; });
  });
}
template <class Real, int rows>
void dots(int columns, int count, const Real* a, std::int64_t a_step, std::int64_t column_step, const Real* b, std::int64_t b_step, std::int64_t b_row, Real* out,
          std::int64_t out_column, std::int64_t out_row) {
  int c = 0;
  for (; c + 2 <= columns; c += 2) dot<Real, rows, 2>(count, a + c * column_step, a_step, column_step, b, b_step, b_row, out + c * out_column, out_column, out_row);
  if (c < columns) dot<Real, rows, 1>(count, a + c * column_step, a_step, column_step, b, b_step, b_row, out + c * out_column, out_column, out_row);
}

template <class Real, int rows>
void forward_rows(const BlockLinear<Real>& op, const TurnedBlocks<Real>& k, int m, std::int64_t r) {
  for (int i = 0; i < rows; ++i) k.turn(op.x.value(m) + (r + i) * op.x.width, k.x + i * k.size);
  Real* y = op.y.value(m) + r * op.y.width;
  for (int j = 0; j < k.stride; j += kLanes)
    dots<Real, rows>(k.columns, k.p, k.W + j, k.stride, k.size, k.x + j, k.stride, k.size, y + j, k.stride, op.y.width);  // (1)
}

template <class Real, int rows>
void backward_rows(const BlockLinear<Real>& op, const TurnedBlocks<Real>& k, int m, std::int64_t r) {
  for (int i = 0; i < rows; ++i) k.turn(op.x.value(m) + (r + i) * op.x.width, k.x + i * k.size);
  const Real* d_y = op.y.grad(m) + r * op.y.width;
  for (int j = 0; j < k.stride; j += kLanes) {
    dots<Real, rows>(k.p, k.columns, k.W + j, k.size, k.stride, d_y + j, k.stride, op.y.width, k.d_x + j, k.stride, k.size);
    for (int q = 0; q < k.columns; ++q) {
      Vec<Real> d[rows];
      unrolled<rows>([&](auto row) PHASEGRID_LAMBDA { d[row] = at(d_y + row * op.y.width + q * k.stride + j); });
      for (int i = 0; i < k.p; ++i) {
        Real* to = k.d_W + q * k.size + i * k.stride + j;
        Vec<Real> sum = at(to);
        unrolled<rows>([&](auto row) PHASEGRID_LAMBDA { sum += d[row] * at(k.x + row * k.size + i * k.stride + j); });
        at(to) = sum;
      }
    }
  }
  for (int row = 0; row < rows; ++row) {
    Real* d_x = op.x.grad(m) + (r + row) * op.x.width;
    const Real* turned = k.d_x + row * k.size;
    for (int j = 0; j < k.blocks; ++j)
      for (int i = 0; i < k.p; ++i) d_x[j * k.p + i] = turned[i * k.stride + j] + (op.x.add ? d_x[j * k.p + i] : 0);
    for (int c = op.x.columns; c < op.x.width && !op.x.add; ++c) d_x[c] = 0;
  }
}

template <class F4, class F1>
void by_rows(std::int64_t count, F4&& four, F1&& one) {
  std::int64_t r = 0;
  for (; r + kRowsTogether <= count; r += kRowsTogether) four(r);
  for (; r < count; ++r) one(r);
}

// Few blocks: a row of x and one block is (1, p), its weights are (p, N).
template <class Real>
void forward_part(const BlockLinear<Real>& op, int m, const Parameter<Real>& W, std::int64_t offset) {
  const int p = op.x.columns / op.blocks, N = W.columns, wide = W.width, stride = padded(op.blocks);
  Real* sum = op.scratch;
  for (std::int64_t r = 0; r < op.x.count[m]; ++r) {
    const Real* x = op.x.value(m) + r * op.x.width;
    Real* y = op.y.value(m) + r * op.y.width + offset;
    for (int j = 0; j < op.blocks; ++j) {
      gemm<Real>(1, wide, p, x + j * p, 0, 1, W.value(m) + static_cast<std::int64_t>(j) * p * wide, wide, sum, wide, false);  // (1)
      for (int n = 0; n < N; ++n) y[n * stride + j] = sum[n];
    }
  }
}

template <class Real>
void backward_part(const BlockLinear<Real>& op, int m, const Parameter<Real>& W, std::int64_t offset, bool add) {
  const int D = op.x.columns, p = D / op.blocks, N = W.columns, wide = W.width, stride = padded(op.blocks), width = op.x.width;
  Real *d_sum = op.scratch, *transposed = op.scratch + wide;
  transpose(D, N, W.value(m), wide, transposed, width);
  for (std::int64_t r = 0; r < op.x.count[m]; ++r) {
    const Real *x = op.x.value(m) + r * width, *d_y = op.y.grad(m) + r * op.y.width + offset;
    Real* d_x = op.x.grad(m) + r * width;
    if (!add)
      for (int c = 0; c < width; ++c) d_x[c] = 0;
    for (int j = 0; j < op.blocks; ++j) {
      for (int n = 0; n < N; ++n) d_sum[n] = d_y[n * stride + j];
      for (int n = N; n < wide; ++n) d_sum[n] = 0;
      Real* d_W = W.grad(m) + static_cast<std::int64_t>(j) * p * wide;
      for (int i = 0; i < p; ++i)
        for (int n = 0; n < wide; n += kLanes) at(d_W + i * wide + n) += x[j * p + i] * at(d_sum + n);
      for (int n = 0; n < N; ++n)
        for (int i = j * p; i < (j + 1) * p; ++i) d_x[i] += d_sum[n] * transposed[static_cast<std::int64_t>(n) * width + i];
    }
  }
}

template <class Real>
void forward(const BlockLinear<Real>& op) {
  const std::int64_t part = static_cast<std::int64_t>(op.W.columns) * padded(op.blocks);
  const TurnedBlocks<Real> turned(op);
  for (int m = 0; m < op.models; ++m) {
    if (op.blocks > kFewBlocks) {
      turned.turn_weights(op, m);
      by_rows(op.x.count[m], [&](std::int64_t r) { forward_rows<Real, kRowsTogether>(op, turned, m, r); }, [&](std::int64_t r) { forward_rows<Real, 1>(op, turned, m, r); });
      continue;
    }
    forward_part(op, m, op.W, 0);
    if (op.W_imag) forward_part(op, m, op.W_imag, part);
  }
}
template <class Real>
void backward(const BlockLinear<Real>& op) {
  const std::int64_t part = static_cast<std::int64_t>(op.W.columns) * padded(op.blocks);
  const TurnedBlocks<Real> turned(op);
  for (int m = 0; m < op.models; ++m) {
    if (op.blocks > kFewBlocks) {
      turned.turn_weights(op, m);
      std::memset(turned.d_W, 0, static_cast<std::size_t>(turned.columns * turned.size) * sizeof(Real));
      by_rows(op.x.count[m], [&](std::int64_t r) { backward_rows<Real, kRowsTogether>(op, turned, m, r); }, [&](std::int64_t r) { backward_rows<Real, 1>(op, turned, m, r); });
      turned.add_weight_gradients(op, m);
      continue;
    }
    backward_part(op, m, op.W, 0, op.x.add);
    if (op.W_imag) backward_part(op, m, op.W_imag, part, true);
  }
}

PHASEGRID_OPERATION(BlockLinear)

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
