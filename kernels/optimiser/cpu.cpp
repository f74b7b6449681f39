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

// What a step multiplies with, in one segment.
template <class Real>
struct Factors {
  Real scale, rate, shrink, pull, b1, b2, c1, c2, epsilon;
  bool plain;
};

// A function of its own, with factors by value: inside a closure they might lie where w, m and v are written, and nothing would be done in lanes.
template <class Real>
void update_range(const Update<Real>& u, const Factors<Real> f, std::int64_t offset, std::int64_t length) {
  Real *w = u.w + offset, *g = u.g + offset, *m = u.m + offset, *v = u.v + offset;
#pragma omp simd
  for (std::int64_t i = 0; i < length; ++i) {
    const Real gi = g[i] * f.scale + f.pull * w[i];
    if (f.plain) {
      w[i] -= f.rate * gi;
    } else {
      m[i] = f.b1 * m[i] + (1 - f.b1) * gi;
      v[i] = f.b2 * v[i] + (1 - f.b2) * gi * gi;
      w[i] = w[i] * f.shrink - f.rate * f.c1 * m[i] / (std::sqrt(v[i] * f.c2) + f.epsilon);
    }
  }
}

template <class Real>
void update(const Update<Real>& u) {
  const double norm = u.clip > 0 ? gradient_norm(u) : 0, t = static_cast<double>(u.step);
  Factors<Real> f{};
  f.scale = static_cast<Real>(u.clip > 0 && norm > u.clip ? u.clip / norm : 1);
  f.b1 = static_cast<Real>(u.beta1), f.b2 = static_cast<Real>(u.beta2), f.epsilon = static_cast<Real>(u.epsilon);
  f.c1 = static_cast<Real>(1 / (1 - std::pow(u.beta1, t))), f.c2 = static_cast<Real>(1 / (1 - std::pow(u.beta2, t)));
  f.plain = u.method == Method::sgd;
  for (int s = 0; s < u.count; ++s) {
    const Segment& segment = u.segments[s];
    if (segment.rate == 0) continue;
    const Real decay = static_cast<Real>(u.weight_decay * segment.decay);
    f.rate = static_cast<Real>(u.learning_rate * segment.rate);
    f.shrink = u.method == Method::adamw ? 1 - f.rate * decay : Real(1), f.pull = u.method == Method::adamw ? Real(0) : decay;
    parallel_rows(segment.length / kPad, 4 * kPad, [&](std::int64_t begin, std::int64_t end) {
      update_range(u, f, segment.offset + begin * kPad, (end - begin) * kPad);
    });
  }
}
template void update(const Update<float>&);
template void update(const Update<double>&);

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
