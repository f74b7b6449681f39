#include "tasks/device/draw.hpp"

#include "kernels/device/queue.hpp"

namespace phasegrid::tasks {
namespace {

// Cells of one thread among those of its warp.
struct Strided {
  std::uint32_t* first;
  __device__ std::uint32_t& operator[](std::int64_t i) const { return first[i * kDrawnTogether]; }
  __device__ Strided operator+(int n) const { return {first + static_cast<std::int64_t>(n) * kDrawnTogether}; }
};

struct Drawn {
  std::int32_t *token, *target;
  __device__ void score(int t, std::int32_t label) { target[t] = label; }
  __device__ bool scored(int t) const { return target[t] != kUnscored; }
};

}  // namespace

__global__ void draw_sequences(const Draws* draws, DrawnTables to) {
  const int m = blockIdx.y, s = blockIdx.x * kDrawnTogether + threadIdx.x;
  const Draws& d = draws[m];
  if (s >= d.sequences()) return;
  const std::int64_t place = (static_cast<std::int64_t>(m) * to.sequences + s) * to.T;
  Drawn out{to.tokens + place, to.targets + place};
  for (int t = 0; t < to.T; ++t) out.target[t] = kUnscored;
  const std::int64_t block = static_cast<std::int64_t>(m) * drawn_blocks(to.sequences) + blockIdx.x;
  kernels::Random random(d.key, d.stream, static_cast<std::uint64_t>(d.begin + s));
  d.recipe.draw(random, out, Strided{to.zeros + block * to.cells * kDrawnTogether + threadIdx.x});
}

void draw_on_device(const Draws* draws, const DrawnTables& to) {
  const dim3 blocks(static_cast<unsigned>(drawn_blocks(to.sequences)), static_cast<unsigned>(to.models));
  kernels::cuda::launch<draw_sequences>(blocks, kDrawnTogether, draws, to);
}

}  // namespace phasegrid::tasks
