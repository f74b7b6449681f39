#include "kernels/norm/norm.hpp"

#include "kernels/device/operations.hpp"
#include "kernels/device/reduce.hpp"

// A warp takes a part of a row (the whole row unless groups > 1). What it finds, mean and r, is kept for the sums over rows.
namespace phasegrid::kernels::cuda {

struct NormPart {
  float mean, r;
};

__device__ NormPart part_statistics(const Norm<float>& op, const float* x, int n) {
  float mean = 0, squares = 0;
  if (op.layer) {
    for (int i = lane(); i < n; i += 32) mean += x[i];
    mean = warp_sum(mean) / static_cast<float>(n);
  }
  for (int i = lane(); i < n; i += 32) squares += (x[i] - mean) * (x[i] - mean);
  return {mean, 1 / sqrtf(warp_sum(squares) / static_cast<float>(n) + 1e-5f)};
}

__global__ void norm_forward(Norm<float> op) {
  const int m = blockIdx.y, n = op.x.columns / op.groups, warps = blockDim.x / 32;
  const std::int64_t parts = static_cast<std::int64_t>(count(op.y, m)) * op.groups;
  const float *w = value(op.w, m), *b = op.layer ? value(op.b, m) : nullptr;
  for (std::int64_t p = static_cast<std::int64_t>(blockIdx.x) * warps + threadIdx.x / 32; p < parts;
       p += static_cast<std::int64_t>(gridDim.x) * warps) {
    const int begin = static_cast<int>(p % op.groups) * n;
    const std::int64_t at = p / op.groups * op.x.width + begin;
    const float* x = value(op.x, m) + at;
    const NormPart s = part_statistics(op, x, n);
    for (int i = lane(); i < n; i += 32)
      value(op.y, m)[at + i] = (x[i] - s.mean) * s.r * w[begin + i] + (b ? b[begin + i] : 0);
  }
}

// With g = d_y w and n = (x - mean) r:   d_x = r (g - [layer] mean g - n mean(g n)).
__global__ void norm_backward(Norm<float> op, NormPart* kept, std::int64_t most_parts) {
  const int m = blockIdx.y, n = op.x.columns / op.groups, warps = blockDim.x / 32;
  const std::int64_t parts = static_cast<std::int64_t>(count(op.y, m)) * op.groups;
  for (std::int64_t p = static_cast<std::int64_t>(blockIdx.x) * warps + threadIdx.x / 32; p < parts;
       p += static_cast<std::int64_t>(gridDim.x) * warps) {
    const int begin = static_cast<int>(p % op.groups) * n;
    const std::int64_t at = p / op.groups * op.x.width + begin;
    const float *x = value(op.x, m) + at, *d_y = grad(op.y, m) + at, *w = value(op.w, m) + begin;
    const NormPart s = part_statistics(op, x, n);
    if (lane() == 0) kept[m * most_parts + p] = s;
    if (!op.x.grads) continue;
    float mean_g = 0, mean_gn = 0;
    for (int i = lane(); i < n; i += 32) mean_g += d_y[i] * w[i], mean_gn += d_y[i] * w[i] * (x[i] - s.mean) * s.r;
    mean_g = op.layer ? warp_sum(mean_g) / static_cast<float>(n) : 0,
    mean_gn = warp_sum(mean_gn) / static_cast<float>(n);
    for (int i = lane(); i < n; i += 32)
      put(grad(op.x, m)[at + i], s.r * (d_y[i] * w[i] - mean_g - (x[i] - s.mean) * s.r * mean_gn), op.x.add);
  }
}

__global__ void norm_weight_backward(Norm<float> op, const NormPart* kept, std::int64_t most_parts,
                                     ColumnSums meet) {
  const int m = blockIdx.y, n = op.x.columns / op.groups;
  column_sums<2>(
      count(op.y, m), op.x.columns, meet,
      [&](int r, int c, float(&sum)[2]) {
        const std::int64_t i = static_cast<std::int64_t>(r) * op.x.width + c;
        const NormPart s = kept[m * most_parts + static_cast<std::int64_t>(r) * op.groups + c / n];
        sum[0] += grad(op.y, m)[i] * (value(op.x, m)[i] - s.mean) * s.r, sum[1] += grad(op.y, m)[i];
      },
      [&](int c, float(&sum)[2]) {
        grad(op.w, m)[c] += sum[0];
        if (op.layer) grad(op.b, m)[c] += sum[1];
      });
}

void forward(const Norm<float>& op) {
  launch<norm_forward>(blocks_for(capacity(op.y) * op.groups * 32, op.models), kThreads, op);
}

void backward(const Norm<float>& op) {
  const std::int64_t most_parts = capacity(op.y) * op.groups;
  NormPart* kept =
      static_cast<NormPart*>(queue().workspace(static_cast<std::size_t>(op.models * most_parts) * sizeof(NormPart)));
  launch<norm_backward>(blocks_for(most_parts * 32, op.models), kThreads, op, kept, most_parts);
  launch_column_sums<norm_weight_backward>(2, op.x.width, op.models, capacity(op.y), op,
                                           static_cast<const NormPart*>(kept), most_parts);
}

}  // namespace phasegrid::kernels::cuda
