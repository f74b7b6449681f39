#include "kernels/conv/conv.hpp"

#include "kernels/conv/readers.hpp"
#include "kernels/device/operations.hpp"
#include "kernels/device/pointwise.hpp"
#include "kernels/device/reduce.hpp"

namespace phasegrid::kernels::cuda {

__device__ float d_c(const Conv<float>& op, int m, std::int64_t i) {
  const float d_u = grad(op.u, m)[i];
  return op.derivative.values ? d_u * value(op.derivative, m)[i] : d_u;
}

__global__ void conv_forward(Conv<float> op) {
  const int m = blockIdx.y;
  const std::int64_t width = op.u.width;
  const float* x = value(op.x, m);
  each_number(count(op.u, m), op.u.width, [&](std::int64_t row, int c, std::int64_t i) {
    const std::int32_t* window = op.window.data[m] + row * op.taps;
    float z = op.w.values ? value(op.b, m)[c] : x[window[0] * width + c];
    for (int j = 0; op.w.values && j < op.taps; ++j)
      if (window[j] >= 0) z += value(op.w, m)[j * width + c] * x[window[j] * width + c];
    const Pointwise<float> p = activate(op.activation, z);
    value(op.u, m)[i] = p.value;
    if (op.derivative.values) value(op.derivative, m)[i] = p.derivative;
  });
}

// Entry e of the map is tap e % taps of window e / taps; its readers are ordered by the row that it names.
template <int taps>
__global__ void conv_input_pieces(Conv<float> op, ReaderPieces pieces) {
  const int m = blockIdx.y;
  const std::int64_t piece = static_cast<std::int64_t>(blockIdx.x) * kPieceWarps + threadIdx.y, width = op.x.width;
  const std::int32_t *window = op.window.data[m], *starts = op.window.data[op.models + m],
                     *entries = op.window.data[2 * op.models + m];
  const int all = starts[count(op.x, m)], begin = static_cast<int>(piece) * kPiece,
            end = begin + kPiece < all ? begin + kPiece : all;
  if (begin >= all) return;
  RowSum sum{op, pieces, starts, m, begin, end, static_cast<int>(blockIdx.z * 32 + threadIdx.x), piece};
  const bool active = sum.c < width;
  for (int i = begin; i < end; i += kAtATime) {
    int row[kAtATime];
    float number[kAtATime];
    PHASEGRID_UNROLL
    for (int k = 0; k < kAtATime; ++k) {
      const int e = entries[i + k < end ? i + k : begin], tap = e % taps;
      row[k] = window[e];
      const float d = active ? d_c(op, m, e / taps * width + sum.c) : 0;
      number[k] = op.w.values && active ? value(op.w, m)[tap * width + sum.c] * d : d;
    }
    PHASEGRID_UNROLL
    for (int k = 0; k < kAtATime; ++k)
      if (i + k < end) sum.add(row[k], number[k]);
  }
  sum.keep();
}

// The rows whose readers lie in several pieces, and those that nobody reads.
__global__ void conv_input_join(Conv<float> op, ReaderPieces pieces) {
  const int m = blockIdx.y;
  const std::int64_t width = op.x.width;
  const std::int32_t* starts = op.window.data[op.models + m];
  each_number(count(op.x, m), op.x.width, [&](std::int64_t row, int c, std::int64_t i) {
    const int begin = starts[row], end = starts[row + 1], from = begin / kPiece, to = (end - 1) / kPiece;
    if (begin < end && from == to) return;
    float sum = begin < end ? pieces.tail(m, from, width)[c] : 0;
    PHASEGRID_UNROLL_SOME
    for (int piece = from + 1; piece <= to && begin < end; ++piece) sum += pieces.head(m, piece, width)[c];
    put(grad(op.x, m)[i], sum, op.x.add);
  });
}

template <int taps>
__global__ void conv_weight_backward(Conv<float> op, ColumnSums meet) {
  const int m = blockIdx.y;
  const std::int64_t width = op.x.width;
  const float* x = value(op.x, m);
  column_sums<taps + 1>(
      count(op.u, m), op.x.columns, meet,
      [&](int r, int c, float(&sum)[taps + 1]) {
        const float d = d_c(op, m, r * width + c);
        PHASEGRID_UNROLL
        for (int j = 0; j < taps; ++j) {
          const std::int32_t row = op.window.data[m][static_cast<std::int64_t>(r) * taps + j];
          if (row >= 0) sum[j] += d * x[row * width + c];
        }
        sum[taps] += d;
      },
      [&](int c, float(&sum)[taps + 1]) {
        PHASEGRID_UNROLL
        for (int j = 0; j < taps; ++j) grad(op.w, m)[j * width + c] += sum[j];
        grad(op.b, m)[c] += sum[taps];
      });
}

void forward(const Conv<float>& op) { launch<conv_forward>(blocks_for(op.u.stride, op.models), kThreads, op); }

namespace {

template <int taps>
void backward_with(const Conv<float>& op) {
  const std::int64_t most = (capacity(op.u) * op.taps + kPiece - 1) / kPiece;
  const std::int64_t size = op.models * most * 2 * op.x.width;
  const ReaderPieces pieces{static_cast<float*>(queue().workspace(static_cast<std::size_t>(size) * sizeof(float))), most};
  const dim3 blocks(static_cast<unsigned>((most + kPieceWarps - 1) / kPieceWarps), static_cast<unsigned>(op.models),
                    static_cast<unsigned>((op.x.width + 31) / 32));
  launch<conv_input_pieces<taps>>(blocks, dim3(32, kPieceWarps), op, pieces);
  launch<conv_input_join>(blocks_for(op.x.stride, op.models), kThreads, op, pieces);
  if (!op.w) return;
  launch_column_sums<conv_weight_backward<taps>>(taps + 1, op.x.width, op.models, capacity(op.u), op);
}

}  // namespace

void backward(const Conv<float>& op) {
  if (op.taps == 1) backward_with<1>(op);
  else if (op.taps == 2) backward_with<2>(op);
  else if (op.taps == 3) backward_with<3>(op);
  else backward_with<4>(op);
}

}  // namespace phasegrid::kernels::cuda
