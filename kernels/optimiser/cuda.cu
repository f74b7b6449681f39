#include "kernels/optimiser/cuda.hpp"

#include <cmath>

#include "kernels/device/reduce.hpp"

namespace phasegrid::kernels::cuda {

PackUpdate pack_update(const Update<float>& u, const Segment* segments) {
  PackUpdate p{u, 0, 0};
  const double t = static_cast<double>(u.step);
  p.update.segments = segments;
  p.c1 = static_cast<float>(1 / (1 - std::pow(u.beta1, t))), p.c2 = static_cast<float>(1 / (1 - std::pow(u.beta2, t)));
  return p;
}

// The step that model m takes, the turn-th of those that were prepared.
__device__ const PackUpdate& next_step(const PackUpdate* pack, int turn, int m, int models) {
  return pack[static_cast<std::int64_t>(turn) * models + m];
}

constexpr int kNormChunk = 4096;  // numbers of a gradient whose squares one block adds up

__device__ double block_sum(double sum) {
  __shared__ double sums[kThreads];
  sums[threadIdx.x] = sum;
  __syncthreads();
  for (unsigned half = kThreads / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
    __syncthreads();
  }
  return sums[0];
}

// Who takes this step, and |g| of every model that clips, in double; negative: the model stays as it is. The last of a model's
// blocks adds the others' sums up.
__global__ void update_norms(const PackUpdate* pack, std::int32_t* turns, double* norms, double* parts, unsigned* tickets) {
  const int m = blockIdx.y, chunk = blockIdx.x, turn = turns[m];
  const Update<float>& u = next_step(pack, turn, m, gridDim.y).update;
  const std::int64_t begin = static_cast<std::int64_t>(chunk) * kNormChunk,
                     end = begin + kNormChunk < u.size ? begin + kNormChunk : u.size;
  double sum = 0;
  PHASEGRID_UNROLL_SOME
  for (std::int64_t i = begin + threadIdx.x; u.clip > 0 && i < end; i += kThreads)
    sum += static_cast<double>(u.g[i]) * static_cast<double>(u.g[i]);
  sum = block_sum(sum);
  if (threadIdx.x == 0) parts[m * gridDim.x + chunk] = sum;
  if (!arrives_last(&tickets[m], gridDim.x)) return;
  sum = 0;
  for (unsigned other = threadIdx.x; other < gridDim.x; other += kThreads) sum += parts[m * gridDim.x + other];
  sum = block_sum(sum);
  if (threadIdx.x > 0) return;
  const bool goes = u.step > 0 && (!u.record || note(*u.record, *u.loss, u.step));
  norms[m] = goes ? sqrt(sum) : -1;
  turns[m] = turn + 1;
}

// Segment blockIdx.y of model blockIdx.z.
__global__ void update_weights(const PackUpdate* pack, const std::int32_t* turns, const double* norms) {
  const PackUpdate& p = next_step(pack, turns[blockIdx.z] - 1, blockIdx.z, gridDim.z);
  const Update<float>& u = p.update;
  const Segment segment = u.segments[blockIdx.y];
  if (segment.rate == 0 || norms[blockIdx.z] < 0) return;
  const float scale = u.clip > 0 && norms[blockIdx.z] > u.clip ? static_cast<float>(u.clip / norms[blockIdx.z]) : 1;
  const float b1 = static_cast<float>(u.beta1), b2 = static_cast<float>(u.beta2),
              epsilon = static_cast<float>(u.epsilon);
  const float rate = static_cast<float>(u.learning_rate * segment.rate),
              decay = static_cast<float>(u.weight_decay * segment.decay);
  const float shrink = u.method == Method::adamw ? 1 - rate * decay : 1, pull = u.method == Method::adamw ? 0 : decay;
  PHASEGRID_UNROLL_SOME
  for (std::int64_t k = first(); k < segment.length; k += step()) {
    const std::int64_t i = segment.offset + k;
    const float g = u.g[i] * scale + pull * u.w[i];
    if (u.method == Method::sgd) {
      u.w[i] -= rate * g;
      continue;
    }
    const float m = u.m[i] = b1 * u.m[i] + (1 - b1) * g, v = u.v[i] = b2 * u.v[i] + (1 - b2) * g * g;
    u.w[i] = u.w[i] * shrink - rate * p.c1 * m / (sqrtf(v * p.c2) + epsilon);
  }
}

constexpr int kEach = 4;  // numbers of a thread: most segments are short

void update_pack(const PackUpdate* pack, std::int32_t* turns, int models, int segments, std::int64_t longest, std::int64_t size) {
  const unsigned chunks = static_cast<unsigned>((size + kNormChunk - 1) / kNormChunk);
  Workspace workspace;
  workspace.want<double>(models).want<double>(static_cast<std::int64_t>(models) * chunks).take();
  double* norms = workspace.get<double>(models);
  double* parts = workspace.get<double>(static_cast<std::int64_t>(models) * chunks);
  launch<update_norms>(dim3(chunks, models), kThreads, pack, turns, norms, parts, queue().tickets(models));
  const dim3 blocks(blocks_for((longest + kEach - 1) / kEach, 1).x, segments, models);
  launch<update_weights>(blocks, kThreads, pack, static_cast<const std::int32_t*>(turns), static_cast<const double*>(norms));
}

__global__ void tally_models(const double* loss, const std::int64_t* right, Tally* sums, int models) {
  for (std::int64_t m = first(); m < models; m += step()) {
    sums[m].loss += loss[m];
    if (right) sums[m].right += right[m];
  }
}

void add_to_tallies(const double* loss, const std::int64_t* right, Tally* sums, int models) {
  launch<tally_models>(blocks_for(models, 1), kThreads, loss, right, sums, models);
}

}  // namespace phasegrid::kernels::cuda
