#include "kernels/block_linear/block_linear.hpp"

#include "kernels/gemm.hpp"
#include "kernels/operation.hpp"
#include "kernels/parallel.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

template <class Real>
void forward_part(const BlockLinear<Real>& op, int m, const Parameter<Real>& W, std::int64_t offset) {
  const int p = op.x.columns / op.blocks, N = W.columns, wide = W.width, stride = padded(op.blocks);
  parallel_rows(op.x.count[m], op.x.width + op.y.width, op.scratch, wide, [&](std::int64_t begin, std::int64_t end, Real* sum) {
    for (std::int64_t r = begin; r < end; ++r) {
      const Real* x = op.x.value(m) + r * op.x.width;
      Real* y = op.y.value(m) + r * op.y.width + offset;
      for (int j = 0; j < op.blocks; ++j) {
        gemm<Real>(1, wide, p, x + j * p, 0, 1, W.value(m) + static_cast<std::int64_t>(j) * p * wide, wide, sum, wide, false);  // (1)
        for (int n = 0; n < N; ++n) y[n * stride + j] = sum[n];
      }
    }
  });
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
  for (int m = 0; m < op.models; ++m) {
    forward_part(op, m, op.W, 0);
    if (op.W_imag) forward_part(op, m, op.W_imag, part);
  }
}
template <class Real>
void backward(const BlockLinear<Real>& op) {
  const std::int64_t part = static_cast<std::int64_t>(op.W.columns) * padded(op.blocks);
  for (int m = 0; m < op.models; ++m) {
    backward_part(op, m, op.W, 0, op.x.add);
    if (op.W_imag) backward_part(op, m, op.W_imag, part, true);
  }
}

PHASEGRID_OPERATION(BlockLinear)

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
