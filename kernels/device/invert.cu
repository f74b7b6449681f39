// A stable radix sort of the entries of a map by what they point at: digits of 8 bits, the lowest first. A block sorts the map of
// a model; each warp has a stretch of its own, of which it counts digits, then deals entries out in order. Nothing depends on
// the order of threads.
#include "kernels/device/invert.hpp"

#include "kernels/device/access.hpp"
#include "kernels/device/queue.hpp"

namespace phasegrid::kernels::cuda {
namespace {

constexpr int kWarps = 16, kLanes = 32, kDigits = 256, kBits = 8;

// Lanes of the warp with the same digit; those without an entry have one of their own.
__device__ unsigned like_me(int digit) { return __match_any_sync(kAllLanes, digit); }

// counts[warp][digit] -> where that warp's entries with that digit begin.
__device__ void place_digits(int (*counts)[kDigits], int* totals) {
  const int d = threadIdx.x, lane = threadIdx.x % kLanes;
  if (d < kDigits) {
    int sum = 0;
    for (int w = 0; w < kWarps; ++w) {
      const int n = counts[w][d];
      counts[w][d] = sum, sum += n;
    }
    totals[d] = sum;
  }
  __syncthreads();
  if (threadIdx.x < kLanes) {  // the first warp: sums of digits up to each, eight digits a lane
    int sums[kDigits / kLanes], sum = 0;
    PHASEGRID_UNROLL
    for (int i = 0; i < kDigits / kLanes; ++i) sums[i] = sum, sum += totals[lane * (kDigits / kLanes) + i];
    int before = sum;
    PHASEGRID_UNROLL
    for (int distance = 1; distance < kLanes; distance *= 2) {
      const int other = __shfl_up_sync(kAllLanes, before, distance);
      if (lane >= distance) before += other;
    }
    PHASEGRID_UNROLL
    for (int i = 0; i < kDigits / kLanes; ++i) totals[lane * (kDigits / kLanes) + i] = before - sum + sums[i];
  }
  __syncthreads();
  if (d < kDigits)
    for (int w = 0; w < kWarps; ++w) counts[w][d] += totals[d];
  __syncthreads();
}

// Entries that point at nothing come last.
__device__ int target_of(const std::int32_t* map, int targets, int entry) {
  const int target = map[entry];
  return target < 0 ? targets : target;
}

// to = from, sorted by a digit; from null: 0 .. n - 1.
__device__ void sort_pass(const std::int32_t* map, int targets, int n, int shift, const std::int32_t* from,
                          std::int32_t* to, int (*counts)[kDigits], int* totals) {
  const int warp = threadIdx.x / kLanes, lane = threadIdx.x % kLanes;
  const int stretch = ((n + kWarps - 1) / kWarps + kLanes - 1) / kLanes * kLanes, begin = warp * stretch,
            end = begin + stretch < n ? begin + stretch : n;
  for (int i = threadIdx.x; i < kWarps * kDigits; i += blockDim.x) counts[i / kDigits][i % kDigits] = 0;
  __syncthreads();
  for (int pass = 0; pass < 2; ++pass) {
    for (int first = begin; first < end; first += kLanes) {
      const int i = first + lane, entry = i < end ? (from ? from[i] : i) : -1;
      const int digit = entry >= 0 ? target_of(map, targets, entry) >> shift & (kDigits - 1) : -1;
      const unsigned same = like_me(digit), below = same & ((1u << lane) - 1);
      if (pass > 0 && entry >= 0) to[counts[warp][digit] + __popc(below)] = entry;
      __syncwarp();
      if (entry >= 0 && below == 0) counts[warp][digit] += __popc(same);
      __syncwarp();
    }
    __syncthreads();
    if (pass == 0) place_digits(counts, totals);
  }
}

}  // namespace

__global__ void __launch_bounds__(kWarps* kLanes, 1)
    invert_map(const Inversion* list, int models, std::int64_t longest, std::int32_t* spare) {
  __shared__ int counts[kWarps][kDigits], totals[kDigits];
  const Inversion job = list[blockIdx.x];
  const int m = blockIdx.y, n = job.rows[m] * job.each, targets = job.targets ? job.targets[m] : job.most_targets;
  const std::int32_t* map = job.table[m];
  std::int32_t *starts = const_cast<std::int32_t*>(job.table[models + m]),
               *entries = const_cast<std::int32_t*>(job.table[2 * models + m]);
  std::int32_t* other = spare + (static_cast<std::int64_t>(blockIdx.x) * models + m) * longest;
  int passes = 1;
  while (targets >> (kBits * passes)) ++passes;
  const std::int32_t* from = nullptr;
  for (int p = 0; p < passes; ++p) {
    std::int32_t* to = (passes - p) % 2 ? entries : other;
    sort_pass(map, targets, n, kBits * p, from, to, counts, totals);
    from = to;
  }
  // starts[t]: the first entry that points at t or beyond.
  for (int i = threadIdx.x; i <= n; i += blockDim.x) {
    const int here = i < n ? target_of(map, targets, entries[i]) : targets,
              before = i > 0 ? target_of(map, targets, entries[i - 1]) : -1;
    for (int t = before + 1; t <= here; ++t) starts[t] = i;
  }
}

void invert_maps(const Inversion* list, int count, int models, std::int64_t longest) {
  Workspace workspace;
  const std::int64_t numbers = static_cast<std::int64_t>(count) * models * longest;
  workspace.want<std::int32_t>(numbers).take();
  const dim3 blocks(static_cast<unsigned>(count), static_cast<unsigned>(models));
  launch<invert_map>(blocks, kWarps * kLanes, list, models, longest, workspace.get<std::int32_t>(numbers));
}

}  // namespace phasegrid::kernels::cuda
