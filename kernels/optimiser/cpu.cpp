#include "kernels/optimiser/optimiser.hpp"

#include <cmath>

#include "kernels/vec.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

template <class Real>
double gradient_norm(const Update<Real>& u) {
  double total = 0;
  constexpr std::int64_t kBlock = 4096;  // float sums of moderate length, joined in double
  for (std::int64_t begin = 0; begin < u.size; begin += kBlock) {
    Vec<Real> sum{};
    const std::int64_t end = begin + kBlock < u.size ? begin + kBlock : u.size;
    for (std::int64_t i = begin; i < end; i += kLanes) sum += at(u.g + i) * at(u.g + i);
    total += static_cast<double>(sum_lanes<Real>(sum));
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
    Real *w = u.w + segment.offset, *g = u.g + segment.offset, *m = u.m + segment.offset, *v = u.v + segment.offset;
    const bool plain = u.method == Method::sgd;
#pragma omp simd
    for (std::int64_t i = 0; i < segment.length; ++i) {
      const Real gi = g[i] * scale + pull * w[i];
      if (plain) {
        w[i] -= rate * gi;
      } else {
        m[i] = b1 * m[i] + (1 - b1) * gi;
        v[i] = b2 * v[i] + (1 - b2) * gi * gi;
        w[i] = w[i] * shrink - rate * c1 * m[i] / (std::sqrt(v[i] * c2) + epsilon);
      }
    }
  }
}
template void update(const Update<float>&);
template void update(const Update<double>&);

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
