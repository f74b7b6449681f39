// The scan of long sequences by a block: its four warps share one sequence, each with a quarter of the steps in one
// piece. A piece maps the state before it to the state after it, h -> P h + e, and the adjoint after it to the one
// before it, G -> P G + g, with the same P; the pieces' maps are composed in order in shared memory, then each warp
// walks its own steps from the right state.
//
// That is twice the arithmetic for a quarter of the time that one walk takes. Whether it is done depends on T and N
// alone.
#pragma once
#include "kernels/scan/joins.hpp"
#include "kernels/scan/walk.hpp"

namespace phasegrid::kernels::cuda {

inline bool is_long(const Scan<float>& op) {
  return op.B.columns > 4 && op.most_steps * ((op.B.columns + 7) / 8) >= 1024;
}

// Which steps of a sequence a warp walks; pieces begin where states are kept.
struct Share {
  int begin, end;
  __device__ Share(int steps, bool shared) : begin(0), end(steps) {
    if (!shared) return;
    const int each = ((steps + kSequences - 1) / kSequences + kScanChunk - 1) / kScanChunk * kScanChunk;
    begin = each * static_cast<int>(threadIdx.y) < steps ? each * static_cast<int>(threadIdx.y) : steps;
    end = begin + each < steps ? begin + each : steps;
  }
};

template <int NB>
using ShareMaps = float[NB][kSequences][32];

// f(begin, length) for the chunks of a share, ascending or descending.
template <class F>
__device__ void each_chunk(const Share& share, F&& f) {
  for (int begin = share.begin; begin < share.end; begin += kScanChunk)
    f(begin, share.end - begin < kScanChunk ? share.end - begin : kScanChunk);
}
template <class F>
__device__ void each_chunk_back(const Share& share, F&& f) {
  if (share.begin >= share.end) return;
  for (int begin = (share.end - 1) / kScanChunk * kScanChunk; begin >= share.begin; begin -= kScanChunk)
    f(begin, share.end - begin < kScanChunk ? share.end - begin : kScanChunk);
}

// h at the begin of this warp's share, given zero. P and e: shared memory. With barriers.
template <class Tile, int NB>
__device__ void enter_forwards(Tile& tile, typename Tile::Staged& staged, const ScanStep* steps, const Share& share,
                               ShareMaps<NB>& P, ShareMaps<NB>& e, float (&h)[NB]) {
  float product[NB];
  PHASEGRID_UNROLL
  for (int n = 0; n < NB; ++n) product[n] = 1;
  each_chunk(share, [&](int begin, int length) {
    tile.stage(staged, steps + begin, length);
    for (int i = 0; i < length; ++i) tile.advance(staged, i, staged.steps[i].log2_repeats, h, product);
  });
  const int warp = threadIdx.y, c = threadIdx.x;
  PHASEGRID_UNROLL
  for (int n = 0; n < NB; ++n) P[n][warp][c] = product[n], e[n][warp][c] = h[n], h[n] = 0;
  __syncthreads();
  for (int before = 0; before < warp; ++before) PHASEGRID_UNROLL
  for (int n = 0; n < NB; ++n) h[n] = P[n][before][c] * h[n] + e[n][before][c];
}

// G at the end of this warp's share, given zero; P as enter_forwards() left it.
template <class Tile, int NB>
__device__ void enter_backwards(Tile& tile, typename Tile::Staged& staged, const float* d_y, const ScanStep* steps,
                                const Share& share, const ShareMaps<NB>& P, ShareMaps<NB>& g, float (&G)[NB]) {
  each_chunk_back(share, [&](int begin, int length) {
    tile.stage(staged, steps + begin, length);
    for (int i = length - 1; i >= 0; --i) {
      const ScanStep step = staged.steps[i];
      if (step.output >= 0) {
        const float d = tile.active ? d_y[static_cast<std::int64_t>(step.output) * tile.D] : 0;
        PHASEGRID_UNROLL
        for (int n = 0; n < NB; ++n) G[n] += staged.C[i][n] * d;  // (3)
      }
      tile.retreat(staged, i, step.log2_repeats, G);
    }
  });
  const int warp = threadIdx.y, c = threadIdx.x;
  PHASEGRID_UNROLL
  for (int n = 0; n < NB; ++n) g[n][warp][c] = G[n], G[n] = 0;
  __syncthreads();
  for (int after = kSequences - 1; after > warp; --after) PHASEGRID_UNROLL
  for (int n = 0; n < NB; ++n) G[n] = P[n][after][c] * G[n] + g[n][after][c];
  __syncthreads();  // the shared memory has other uses from here on
}

}  // namespace phasegrid::kernels::cuda
