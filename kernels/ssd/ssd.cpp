#include "kernels/ssd/ssd.hpp"

#include "kernels/ssd/scratch.hpp"

namespace phasegrid::kernels {

int ssd_chunk(int T, int read, int D, int N) {
  constexpr int kChunk = 64;
  if (T <= kChunk) return T;
  const double pairs = static_cast<double>(read) * (N + D), states = (static_cast<double>(T) + read) * N * D;
  return pairs * T <= pairs * kChunk + states ? T : kChunk;
}

template <class Real>
std::int64_t ssd_scratch(const Ssd<Real>& op) {
  return SsdScratch<Real>(op, nullptr).size;
}

template std::int64_t ssd_scratch(const Ssd<float>&);
template std::int64_t ssd_scratch(const Ssd<double>&);

}  // namespace phasegrid::kernels
