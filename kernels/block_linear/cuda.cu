// A thread has one number of y, of dx, or of dW over a chunk of kChunk rows; the chunks are joined in order. Blocks are
// a few channels wide: nothing would be gained by tiles.
#include "kernels/block_linear/block_linear.hpp"

#include "kernels/device/operations.hpp"
#include "kernels/device/reduce.hpp"

namespace phasegrid::kernels::cuda {

constexpr int kRows = 256;

struct BlockShape {
  int p, N, parts, stride;  // of a block; states; real and imaginary; from one state to the next in a row of y
  __device__ explicit BlockShape(const BlockLinear<float>& op)
      : p(op.x.columns / op.blocks),
        N(op.W.columns),
        parts(op.W_imag.values ? 2 : 1),
        stride(padded_blocks(op.blocks)) {}
  __device__ static int padded_blocks(int blocks) { return (blocks + kPad - 1) / kPad * kPad; }
  __device__ int place(int part, int n, int block) const { return (part * N + n) * stride + block; }
};

__global__ void block_linear_forward(BlockLinear<float> op) {
  const int m = blockIdx.y;
  const BlockShape k(op);
  const std::int64_t each = static_cast<std::int64_t>(k.parts) * op.blocks * k.N;
  for (std::int64_t i = first(); i < count(op.x, m) * each; i += step()) {
    const std::int64_t row = i / each;
    const int n = static_cast<int>(i % k.N), block = static_cast<int>(i % each / k.N) % op.blocks,
              part = static_cast<int>(i % each / k.N) / op.blocks;
    const float* x = value(op.x, m) + row * op.x.width + block * k.p;
    const float* W =
        (part ? value(op.W_imag, m) : value(op.W, m)) + static_cast<std::int64_t>(block) * k.p * op.W.width + n;
    float sum = 0;
    for (int c = 0; c < k.p; ++c) sum += x[c] * W[static_cast<std::int64_t>(c) * op.W.width];  // (1)
    value(op.y, m)[row * op.y.width + k.place(part, n, block)] = sum;
  }
}

__global__ void block_linear_input_backward(BlockLinear<float> op) {
  const int m = blockIdx.y, D = op.x.columns;
  const BlockShape k(op);
  for (std::int64_t i = first(); i < static_cast<std::int64_t>(count(op.x, m)) * D; i += step()) {
    const std::int64_t row = i / D, c = i % D;
    const float* d_y = grad(op.y, m) + row * op.y.width;
    float sum = 0;
    for (int part = 0; part < k.parts; ++part) {
      const float* W = (part ? value(op.W_imag, m) : value(op.W, m)) + c * op.W.width;
      for (int n = 0; n < k.N; ++n) sum += d_y[k.place(part, n, static_cast<int>(c) / k.p)] * W[n];
    }
    put(grad(op.x, m)[row * op.x.width + c], sum, op.x.add);
  }
}

// partial[m][chunk][part][D][N]
__global__ void block_linear_weight_backward(BlockLinear<float> op, float* partial, int chunks) {
  const int m = blockIdx.y, chunk = blockIdx.z, D = op.x.columns, begin = chunk * kRows;
  const BlockShape k(op);
  const int rows = count(op.x, m), end = begin + kRows < rows ? begin + kRows : rows;
  if (begin >= rows) return;
  const std::int64_t size = static_cast<std::int64_t>(k.parts) * D * k.N;
  for (std::int64_t i = first(); i < size; i += step()) {
    const int n = static_cast<int>(i % k.N), c = static_cast<int>(i / k.N) % D, part = static_cast<int>(i / k.N) / D;
    const float *x = value(op.x, m) + c, *d_y = grad(op.y, m) + k.place(part, n, c / k.p);
    float sum = 0;
    for (std::int64_t r = begin; r < end; ++r) sum += x[r * op.x.width] * d_y[r * op.y.width];
    partial[(static_cast<std::int64_t>(m) * chunks + chunk) * size + i] = sum;
  }
}
__global__ void block_linear_join_chunks(BlockLinear<float> op, const float* partial, int chunks) {
  const int m = blockIdx.y, D = op.x.columns, used = (count(op.x, m) + kRows - 1) / kRows;
  const BlockShape k(op);
  const std::int64_t size = static_cast<std::int64_t>(k.parts) * D * k.N;
  for (std::int64_t i = first(); i < size; i += step()) {
    float sum = 0;
    for (int chunk = 0; chunk < used; ++chunk)
      sum += partial[(static_cast<std::int64_t>(m) * chunks + chunk) * size + i];
    const std::int64_t c = i / k.N % D, n = i % k.N;
    (i / k.N < D ? grad(op.W, m) : grad(op.W_imag, m))[c * op.W.width + n] += sum;
  }
}

void forward(const BlockLinear<float>& op) {
  launch<block_linear_forward>(blocks_for(op.y.stride, op.models), kThreads, op);
}

void backward(const BlockLinear<float>& op) {
  const int chunks = static_cast<int>((capacity(op.x) + kRows - 1) / kRows);
  const std::int64_t size = static_cast<std::int64_t>(op.W_imag ? 2 : 1) * op.x.columns * op.W.columns;
  float* partial =
      static_cast<float*>(queue().workspace(static_cast<std::size_t>(op.models * chunks * size) * sizeof(float)));
  dim3 blocks = blocks_for(size, op.models);
  blocks.z = static_cast<unsigned>(chunks);
  launch<block_linear_weight_backward>(blocks, kThreads, op, partial, chunks);
  blocks.z = 1;
  launch<block_linear_join_chunks>(blocks, kThreads, op, static_cast<const float*>(partial), chunks);
  launch<block_linear_input_backward>(blocks_for(op.x.stride, op.models), kThreads, op);
}

}  // namespace phasegrid::kernels::cuda
