#include "kernels/optimiser/optimiser.hpp"

#include <cmath>

#include "kernels/parallel.hpp"
#include "kernels/vec.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

template <class Real>
double gradient_norm(const Update<Real>& u) {
  double total = 0;
  constexpr std::int64_t kBlock = 4096;  // float sums of moderate length, joined in double
  constexpr int kBlocks = 64;            // that are summed side by side
  for (std::int64_t first = 0; first < u.size; first += kBlocks * kBlock) {
    double sums[kBlocks];
    const std::int64_t left = (u.size - first + kBlock - 1) / kBlock, blocks = left < kBlocks ? left : kBlocks;
    parallel_rows(blocks, kBlock, [&](std::int64_t from, std::int64_t to) {
      for (std::int64_t block = from; block < to; ++block) {
        Vec<Real> sum{};
        const std::int64_t begin = first + block * kBlock, end = begin + kBlock < u.size ? begin + kBlock : u.size;
        for (std::int64_t i = begin; i < end; i += kLanes) sum += at(u.g + i) * at(u.g + i);
        sums[block] = static_cast<double>(sum_lanes<Real>(sum));
      }
    });
    for (int block = 0; block < blocks; ++block) total += sums[block];
  }
  return std::sqrt(total);
}

template <class Real>
void update(const Update<Real>& u) {
  const double norm = u.clip > 0 ? gradient_norm(u) : 0;
  const Real scale = static_cast<Real>(u.clip > 0 && norm > u.clip ? u.clip / norm : 1);
  const double t = static_cast<double>(u.step);
  const Real b1 = static_cast<Real>(u.beta1), b2 = static_cast<Real>(u.beta2), epsilon = static_cast<Real>(u.epsilon);
  const Real c1 = static_cast<Real>(1 / (1 - std::pow(u.beta1, t))), c2 = static_cast<Real>(1 / (1 - std::pow(u.beta2, t)));
  for (int s = 0; s < u.count; ++s) {
    const Segment& segment = u.segments[s];
    if (segment.rate == 0) continue;
    const Real rate = static_cast<Real>(u.learning_rate * segment.rate), decay = static_cast<Real>(u.weight_decay * segment.decay);
    const Real shrink = u.method == Method::adamw ? 1 - rate * decay : Real(1), pull = u.method == Method::adamw ? Real(0) : decay;
    const bool plain = u.method == Method::sgd;
    parallel_rows(segment.length / kPad, 4 * kPad, [&](std::int64_t begin, std::int64_t end) {
      const std::int64_t offset = segment.offset + begin * kPad, length = (end - begin) * kPad;
      Real *w = u.w + offset, *g = u.g + offset, *m = u.m + offset, *v = u.v + offset;
#pragma omp simd
      for (std::int64_t i = 0; i < length; ++i) {
        const Real gi = g[i] * scale + pull * w[i];
        if (plain) {
          w[i] -= rate * gi;
        } else {
          m[i] = b1 * m[i] + (1 - b1) * gi;
          v[i] = b2 * v[i] + (1 - b2) * gi * gi;
          w[i] = w[i] * shrink - rate * c1 * m[i] / (std::sqrt(v[i] * c2) + epsilon);
        }
      }
    });
  }
}
template void update(const Update<float>&);
template void update(const Update<double>&);

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
