// Which blocks the lanes of one vector of channels belong to: what is the same in all channels of a block is spread over its lanes on
// the way in, and summed over them on the way out.
#pragma once
#include "kernels/vec.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

template <class Real> using IntOf = std::conditional_t<sizeof(Real) == 4, std::int32_t, std::int64_t>;

template <class Real>
struct BlockLanes {
  typedef IntOf<Real> Int __attribute__((vector_size(kLanes * sizeof(Real))));
  typedef Real Loose __attribute__((vector_size(kLanes * sizeof(Real)), aligned(sizeof(Real))));
  Int lane;                // relative to `first`
  int first, stride;       // of a row of numbers, one a block
  int block[kLanes];
  int levels;              // 2^levels neighbouring lanes belong to one block, throughout; -1: blocks end anywhere

  BlockLanes(int D, int blocks, int c) : stride(padded(blocks)) {
    const int p = D / blocks;
    for (int i = 0; i < kLanes; ++i) block[i] = c + i < D ? (c + i) / p : blocks - 1;
    first = block[0] < stride - kLanes ? block[0] : stride - kLanes;
    for (int i = 0; i < kLanes; ++i) lane[i] = block[i] - first;
    levels = 0;
    while ((1 << levels) < (p < kLanes ? p : kLanes)) ++levels;
    if (block[0] == block[kLanes - 1]) while ((1 << levels) < kLanes) ++levels;
    else if ((1 << levels) != p) levels = -1;
  }
  PHASEGRID_INLINE Vec<Real> spread(const Real* values) const {
    const Vec<Real> v = *reinterpret_cast<const Loose*>(values + first);
    return __builtin_shuffle(v, lane);
  }
  void add_one(Real* out, Vec<Real> v) const {
    for (int i = 0; i < kLanes; ++i) out[block[i]] += v[i];
  }
};

// 2^levels vectors; lane i of the result is the sum of 2^levels lanes of one of them, vector after vector.
template <class Real, int levels>
PHASEGRID_INLINE Vec<Real> sum_neighbours(const Vec<Real>* v) {
  if constexpr (levels == 0) return *v;
  else return add_pairs<Real>(sum_neighbours<Real, levels - 1>(v), sum_neighbours<Real, levels - 1>(v + (1 << (levels - 1))),
                              std::make_integer_sequence<int, kLanes>());
}

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
