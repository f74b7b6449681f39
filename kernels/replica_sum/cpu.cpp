#include "kernels/replica_sum/replica_sum.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

template <class Real>
void replica_sum(const ReplicaSum<Real>& op) {
  constexpr std::int64_t kBlock = 512;  // sums that stay in the first cache while the parts go by
  for (std::int64_t begin = 0; begin < op.size; begin += kBlock) {
    double sum[kBlock] = {};
    const std::int64_t n = op.size - begin < kBlock ? op.size - begin : kBlock;
    for (int r = 0; r < op.count; ++r) {
      const Real* part = op.parts + r * op.stride + begin;
#pragma omp simd
      for (std::int64_t i = 0; i < n; ++i) sum[i] += static_cast<double>(part[i]);
    }
    for (std::int64_t i = 0; i < n; ++i) op.sum[begin + i] = static_cast<Real>(op.scale * sum[i]);
  }
}
template void replica_sum(const ReplicaSum<float>&);
template void replica_sum(const ReplicaSum<double>&);

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
