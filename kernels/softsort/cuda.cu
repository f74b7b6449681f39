// The matrix P is never stored: a block of 64 threads makes its tiles of 32 x 32 from sorted scores and row sums and
// multiplies them from shared memory. The gradients of scores go by rows of P first (mean, and what the sorted score
// gets), then by columns.
#include "kernels/softsort/softsort.hpp"

#include "kernels/device/gemm.hpp"
#include "kernels/device/operations.hpp"
#include "kernels/device/reduce.hpp"
#include "kernels/device/walks.hpp"

namespace phasegrid::kernels::cuda {

// By position, [M][rows]: sorted scores, 1 / row sums, mean and d_sorted of a row of P, and where a position stands in
// the order.
struct SortTables {
  std::int64_t rows;
  int most_steps;
  float *sorted, *inverse, *mean, *d_sorted;
  std::int32_t* place;
};

__device__ float score_of(const SoftSort<float>& op, int m, std::int64_t row) {
  return value(op.score, m)[row * op.score.width];
}
__device__ float unscaled(float sorted, float score) { return expf(-fabsf(score - sorted)); }

// A position's place: those before it in the order, equal scores as they stand.
__global__ void softsort_places(SoftSort<float> op, SortTables k) {
  const int m = blockIdx.y;
  const Walk walk = op.walks[m];
  for (std::int64_t i = first(); i < static_cast<std::int64_t>(walk.sequences) * k.most_steps; i += step()) {
    const int s = static_cast<int>(i / k.most_steps), begin = walk.first_row[s], n = walk.first_row[s + 1] - begin,
              j = static_cast<int>(i % k.most_steps);
    if (j >= n) continue;
    const float own = score_of(op, m, begin + j);
    int place = 0;
    for (int other = 0; other < n; ++other) {
      const float score = score_of(op, m, begin + other);
      place += score < own || (score == own && other < j);
    }
    k.place[m * k.rows + begin + j] = place, k.sorted[m * k.rows + begin + place] = own;
    float sum = 0;
    for (int other = 0; other < n; ++other) sum += unscaled(own, score_of(op, m, begin + other));
    k.inverse[m * k.rows + begin + place] = 1 / sum;
  }
}

struct SortShared {
  GemmShared gemm;
  float P[kTile][kTile + 1];
};

struct SortBlock {
  const SoftSort<float>& op;
  const SortTables& k;
  SortShared& shared;
  int m, begin, n, t;

  __device__ SortBlock(const SoftSort<float>& op, const SortTables& k, SortShared& shared)
      : op(op), k(k), shared(shared), m(blockIdx.z), t(threadIdx.x) {
    begin = op.walks[m].first_row[blockIdx.y], n = op.walks[m].first_row[blockIdx.y + 1] - begin;
  }
  __device__ float P(int i, int j) const {
    if (i >= n || j >= n) return 0;
    return unscaled(k.sorted[m * k.rows + begin + i], score_of(op, m, begin + j)) * k.inverse[m * k.rows + begin + i];
  }
  // The tile of P at (i0, j0), or of its transpose.
  __device__ void fill(int i0, int j0, bool transposed) const {
    for (int i = t / kTile; i < kTile; i += kGemmThreads / kTile) {
      const int j = t % kTile;
      shared.P[i][j] = transposed ? P(j0 + j, i0 + i) : P(i0 + i, j0 + j);
    }
    __syncthreads();
  }
  __device__ Matrix rows(const float* values, const Rows<float>& table) const {
    return {values + m * table.stride + begin * static_cast<std::int64_t>(table.width), table.width, 1, n,
            table.columns};
  }
  // sums = P in, or P^T in, over the tile at (i0, c0).
  __device__ void multiply(const Matrix& in, bool transposed, int i0, int c0, TileSums& sums) const {
    clear(sums);
    for (int j0 = 0; j0 < n; j0 += kTile) {
      const int end = n - j0 < kTile ? n - j0 : kTile;
      fill(i0, j0, transposed);
      gemm_add<true, false>(shared.gemm, {&shared.P[0][0], kTile + 1, 1, kTile, kTile},
                            {in.p + j0 * in.row, in.row, 1, end, in.columns}, 0, c0, 0, end, sums);
    }
  }
  // dP of the tile at (i0, j0): left_i . right_j.
  __device__ void d_P(int i0, int j0, TileSums& sums) const {
    const Matrix left = rows(op.back ? op.x.values : op.y.grads, op.x),
                 right = rows(op.back ? op.y.grads : op.x.values, op.x);
    clear(sums);
    gemm_add<true, true>(shared.gemm, left, {right.p, 1, right.row, right.columns, n}, i0, j0, 0, op.x.columns, sums);
  }
  __device__ float sign(int i, int j) const {
    const float a = k.sorted[m * k.rows + begin + i], b = score_of(op, m, begin + j);
    return a > b ? 1.0f : a < b ? -1.0f : 0.0f;
  }
};

__device__ bool rests(const Walk* walks) { return static_cast<int>(blockIdx.y) >= walks[blockIdx.z].sequences; }

// y = P x, or with `back` P^T x; on the way back dx from dy, the other way round.
template <bool backward>
__global__ void __launch_bounds__(kGemmThreads, kGemmBlocks) softsort_multiply(SoftSort<float> op, SortTables k) {
  __shared__ SortShared shared;
  if (rests(op.walks)) return;
  const SortBlock block(op, k, shared);
  const int across = (op.x.columns + kTile - 1) / kTile, i0 = blockIdx.x / across * kTile,
            c0 = blockIdx.x % across * kTile;
  if (i0 >= block.n) return;
  TileSums sums;
  block.multiply(backward ? block.rows(op.y.grads, op.y) : block.rows(op.x.values, op.x), op.back != backward, i0, c0,
                 sums);
  each_of_tile(i0, c0, sums, [&](int i, int c, float sum) {
    if (i >= block.n || c >= op.x.columns) return;
    const std::int64_t place = (block.begin + static_cast<std::int64_t>(i)) * op.x.width + c;
    if (backward) put(grad(op.x, block.m)[place], sum, op.x.add);
    else value(op.y, block.m)[place] = sum;
  });
}

__device__ float row_sum(float v) {
  PHASEGRID_UNROLL
  for (int d = 4; d > 0; d /= 2) v += __shfl_xor_sync(kAllLanes, v, d);
  return v;
}

// A tile of rows of P: their means, then what their sorted scores get.
__global__ void __launch_bounds__(kGemmThreads, kGemmBlocks) softsort_rows(SoftSort<float> op, SortTables k) {
  __shared__ SortShared shared;
  if (rests(op.walks)) return;
  const SortBlock block(op, k, shared);
  const int i0 = blockIdx.x * kTile, row = i0 + block.t / 8 * kPart;
  if (i0 >= block.n) return;
  float mean[kPart] = {}, d_sorted[kPart] = {};
  for (int pass = 0; pass < 2; ++pass) {
    for (int j0 = 0; j0 < block.n; j0 += kTile) {
      TileSums d_P;
      block.d_P(i0, j0, d_P);
      PHASEGRID_UNROLL
      for (int i = 0; i < kPart; ++i) PHASEGRID_UNROLL
      for (int l = 0; l < kPart; ++l) {
        const int j = j0 + block.t % 8 + 8 * l;
        if (row + i >= block.n || j >= block.n) continue;
        const float P = block.P(row + i, j);
        if (pass == 0) mean[i] += P * d_P[i][l];
        else d_sorted[i] -= block.sign(row + i, j) * P * (d_P[i][l] - mean[i]);
      }
    }
    PHASEGRID_UNROLL
    for (int i = 0; i < kPart; ++i) {
      if (pass == 0) mean[i] = row_sum(mean[i]);
      else d_sorted[i] = row_sum(d_sorted[i]);
    }
  }
  PHASEGRID_UNROLL
  for (int i = 0; i < kPart; ++i) {
    if (row + i >= block.n || block.t % 8 != 0) continue;
    const std::int64_t place = block.m * k.rows + block.begin + row + i;
    k.mean[place] = mean[i], k.d_sorted[place] = d_sorted[i];
  }
}

// A tile of columns of P: a score's terms as one of those compared with, and as the sorted one of its place.
__global__ void __launch_bounds__(kGemmThreads, kGemmBlocks) softsort_scores(SoftSort<float> op, SortTables k) {
  __shared__ SortShared shared;
  if (rests(op.walks)) return;
  const SortBlock block(op, k, shared);
  const int j0 = blockIdx.x * kTile;
  if (j0 >= block.n) return;
  float total = 0;
  for (int i0 = 0; i0 < block.n; i0 += kTile) {
    TileSums d_P;
    block.d_P(i0, j0, d_P);
    each_of_tile(i0, j0, d_P, [&](int i, int j, float d) {
      const bool inside = i < block.n && j < block.n;
      shared.P[i - i0][j - j0] =
          inside ? block.sign(i, j) * block.P(i, j) * (d - k.mean[block.m * k.rows + block.begin + i]) : 0;
    });
    __syncthreads();
    for (int i = 0; block.t < kTile && i < kTile; ++i) total += shared.P[i][block.t];
    __syncthreads();
  }
  const int j = j0 + block.t;
  if (block.t >= kTile || j >= block.n) return;
  const std::int64_t row = block.begin + j, first_place = block.m * k.rows + block.begin;
  put(grad(op.score, block.m)[row * op.score.width], total + k.d_sorted[first_place + k.place[first_place + j]],
      op.score.add);
}

namespace {

struct SortRun {
  SoftSort<float> op;
  SortTables k{};

  explicit SortRun(const SoftSort<float>& given) : op(given) {
    op.scratch = nullptr;  // the CPU's
    k.rows = capacity(op.x), k.most_steps = op.most_steps > 0 ? op.most_steps : static_cast<int>(k.rows);
    const std::int64_t n = op.models * k.rows;
    Workspace workspace;
    for (int i = 0; i < 4; ++i) workspace.want<float>(n);
    workspace.want<std::int32_t>(n).take();
    for (float** place : {&k.sorted, &k.inverse, &k.mean, &k.d_sorted}) *place = workspace.get<float>(n);
    k.place = workspace.get<std::int32_t>(n);
    launch<softsort_places>(blocks_for(sequences() * k.most_steps, op.models), kThreads, op, k);
  }
  std::int64_t sequences() const { return walk_room(op.x, op.most_steps).sequences; }
  dim3 tiles(int across) const {
    return {static_cast<unsigned>(tiles_of(k.most_steps) * across), static_cast<unsigned>(sequences()),
            static_cast<unsigned>(op.models)};
  }
  template <bool backward>
  void multiply() const {
    launch<softsort_multiply<backward>>(tiles(tiles_of(op.x.columns)), kGemmThreads, op, k);
  }
};

}  // namespace

void forward(const SoftSort<float>& op) { SortRun(op).multiply<false>(); }

void backward(const SoftSort<float>& op) {
  const SortRun run(op);
  if (op.x.grads) run.multiply<true>();
  if (!op.score.grads) return;
  launch<softsort_rows>(run.tiles(1), kGemmThreads, run.op, run.k);
  launch<softsort_scores>(run.tiles(1), kGemmThreads, run.op, run.k);
}

}  // namespace phasegrid::kernels::cuda
