#include "kernels/linear/linear.hpp"

#include "kernels/device/gemm.hpp"
#include "kernels/device/operations.hpp"
#include "kernels/device/pointwise.hpp"
#include "kernels/device/reduce.hpp"

namespace phasegrid::kernels::cuda {
namespace {

constexpr int kColumnsEach = 2, kGemmBlock = kGemmThreadsOf<kColumnsEach>;  // of a thread; threads
constexpr int kChunk = 128;  // rows summed by one block for d_W; the sums of chunks are joined in order

// y = act(sum + b), and act' for the way back.
__device__ void finish(const Linear<float>& op, int m, int row, int column, float z) {
  if (column >= op.y.width) return;
  const std::int64_t i = static_cast<std::int64_t>(row) * op.y.width + column;
  if (op.b.values) z += value(op.b, m)[column];
  if (op.activation == Activation::identity) {
    value(op.y, m)[i] = z;
    return;
  }
  const Pointwise<float> p = activate(op.activation, z);
  value(op.y, m)[i] = p.value;
  if (op.derivative.values) value(op.derivative, m)[i] = p.derivative;
}

// W as (in, out), whichever way it lies.
template <bool transposed>
__device__ Matrix weight(const Linear<float>& op, int m) {
  const int in = op.x.columns, out = op.y.columns;
  if (transposed) return {value(op.W, m), 1, op.W.width, in, out};
  return {value(op.W, m), op.W.width, 1, in, out};
}
__device__ Matrix flipped(const Matrix& A) { return {A.p, A.column, A.row, A.columns, A.rows}; }

struct Place {
  int i, j;
};
__device__ Place tile_place(int columns) {
  const int across = (columns + kTile - 1) / kTile;
  return {static_cast<int>(blockIdx.x) / across * kTile, static_cast<int>(blockIdx.x) % across * kTile};
}

}  // namespace

template <bool transposed>
__global__ void __launch_bounds__(kGemmBlock, kGemmBlocks) linear_forward(Linear<float> op) {
  const int m = blockIdx.y, rows = count(op.y, m);
  const Place at = tile_place(op.y.width);
  if (at.i >= rows) return;
  const Matrix x{value(op.x, m), op.x.width, 1, rows, op.x.columns};
  gemm_tile<true, transposed, kColumnsEach>(x, weight<transposed>(op, m), at.i, at.j, 0, op.x.columns, [&](int i, int j, float z) {
    if (i < rows) finish(op, m, i, j, z);
  });
}

__global__ void linear_broadcast(Linear<float> op) {
  const int m = blockIdx.y, width = op.y.width;
  for (std::int64_t i = first(); i < static_cast<std::int64_t>(count(op.y, m)) * width; i += step())
    finish(op, m, static_cast<int>(i / width), static_cast<int>(i % width), 0);
}

__global__ void linear_through_activation(Linear<float> op) {
  const int m = blockIdx.y;
  for (std::int64_t i = first(); i < static_cast<std::int64_t>(count(op.y, m)) * op.y.width; i += step())
    grad(op.y, m)[i] *= value(op.derivative, m)[i];
}

__global__ void linear_bias_backward(Linear<float> op, ColumnSums meet) {
  const int m = blockIdx.y;
  column_sums<1>(
      count(op.y, m), op.y.columns, meet,
      [&](int r, int c, float(&sum)[1]) { sum[0] += grad(op.y, m)[static_cast<std::int64_t>(r) * op.y.width + c]; },
      [&](int c, float(&sum)[1]) { grad(op.b, m)[c] += sum[0]; });
}

template <bool transposed>
__global__ void __launch_bounds__(kGemmBlock, kGemmBlocks) linear_input_backward(Linear<float> op) {
  const int m = blockIdx.y, rows = count(op.y, m);
  const Place at = tile_place(op.x.width);
  if (at.i >= rows) return;
  const Matrix d_z{grad(op.y, m), op.y.width, 1, rows, op.y.columns};
  gemm_tile<true, !transposed, kColumnsEach>(d_z, flipped(weight<transposed>(op, m)), at.i, at.j, 0, op.y.columns,
                               [&](int i, int j, float sum) {
                                 if (i < rows && j < op.x.width)
                                   put(grad(op.x, m)[static_cast<std::int64_t>(i) * op.x.width + j], sum, op.x.add);
                               });
}

// Chunk blockIdx.z of d_W = x^T d_z (or d_z^T x): into the gradient if there is but one chunk, else beside the others, and the
// last of them to arrive adds them up.
template <bool transposed>
__global__ void __launch_bounds__(kGemmBlock, kGemmBlocks - 1)
    linear_weight_backward(Linear<float> op, float* partial, unsigned* tickets) {
  const int m = blockIdx.y, rows = count(op.y, m), begin = blockIdx.z * kChunk, chunks = (rows + kChunk - 1) / kChunk;
  const Place at = tile_place(op.W.columns);
  if (begin >= rows) return;
  const int end = begin + kChunk < rows ? begin + kChunk : rows;
  const Matrix x{value(op.x, m), op.x.width, 1, rows, op.x.columns},
      d_z{grad(op.y, m), op.y.width, 1, rows, op.y.columns};
  const std::int64_t size = static_cast<std::int64_t>(op.W.rows) * op.W.width;
  float* parts = partial + static_cast<std::int64_t>(m) * gridDim.z * size;  // [chunk][size]
  float* to = chunks > 1 ? parts + blockIdx.z * size : grad(op.W, m);
  const auto inside = [&](int i, int j) { return i < op.W.rows && j < op.W.columns; };
  gemm_tile<false, false, kColumnsEach>(flipped(transposed ? d_z : x), transposed ? x : d_z, at.i, at.j, begin, end,
                          [&](int i, int j, float sum) {
                            if (inside(i, j)) put(to[static_cast<std::int64_t>(i) * op.W.width + j], sum, chunks == 1);
                          });
  if (chunks == 1 || !arrives_last(&tickets[m * gridDim.x + blockIdx.x], chunks)) return;
  TileSumsOf<kColumnsEach> sums;
  clear(sums);
  for (int chunk = 0; chunk < chunks; ++chunk)
    each_of_tile(at.i, at.j, sums, [&](int i, int j, float& sum) {
      if (inside(i, j)) sum += parts[chunk * size + static_cast<std::int64_t>(i) * op.W.width + j];
    });
  each_of_tile(at.i, at.j, sums, [&](int i, int j, float sum) {
    if (inside(i, j)) grad(op.W, m)[static_cast<std::int64_t>(i) * op.W.width + j] += sum;
  });
}

namespace {

template <bool transposed>
void product(const Linear<float>& op) {
  const unsigned tiles = static_cast<unsigned>(tiles_of(capacity(op.y)) * tiles_of(op.y.width));
  launch<linear_forward<transposed>>(dim3(tiles, op.models), kGemmBlock, op);
}

template <bool transposed>
void weight_backward(const Linear<float>& op) {
  const unsigned chunks = static_cast<unsigned>((capacity(op.y) + kChunk - 1) / kChunk),
                 tiles = static_cast<unsigned>(tiles_of(op.W.rows) * tiles_of(op.W.columns));
  float* partial = nullptr;
  unsigned* tickets = nullptr;
  if (chunks > 1) {
    const std::int64_t size = op.models * static_cast<std::int64_t>(chunks) * op.W.rows * op.W.width;
    partial = static_cast<float*>(queue().sums(static_cast<std::size_t>(size) * sizeof(float)));
    tickets = queue().tickets(static_cast<std::int64_t>(op.models) * tiles);
  }
  launch<linear_weight_backward<transposed>>(dim3(tiles, op.models, chunks), kGemmBlock, op, partial, tickets);
}

template <bool transposed>
void product_backward(const Linear<float>& op) {
  weight_backward<transposed>(op);
  if (!op.x.grads) return;
  const unsigned input_tiles = static_cast<unsigned>(tiles_of(capacity(op.y)) * tiles_of(op.x.width));
  launch<linear_input_backward<transposed>>(dim3(input_tiles, op.models), kGemmBlock, op);
}

}  // namespace

void forward(const Linear<float>& op) {
  if (!op.W) launch<linear_broadcast>(blocks_for(op.y.stride, op.models), kThreads, op);
  else if (op.transposed) product<true>(op);
  else product<false>(op);
}

void backward(const Linear<float>& op) {
  if (op.derivative.values) launch<linear_through_activation>(blocks_for(op.y.stride, op.models), kThreads, op);
  if (op.b) launch_column_sums<linear_bias_backward>(1, op.y.width, op.models, capacity(op.y), op);
  if (!op.W) return;
  if (op.transposed) product_backward<true>(op);
  else product_backward<false>(op);
}

}  // namespace phasegrid::kernels::cuda
