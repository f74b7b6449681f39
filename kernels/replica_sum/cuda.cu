// A number is one thread's: its chain of additions is that of the CPU.
#include "kernels/replica_sum/replica_sum.hpp"

#include "kernels/device/access.hpp"
#include "kernels/device/queue.hpp"

namespace phasegrid::kernels::cuda {

__global__ void sum_replicas(const ReplicaSum<float> op) {
  for (std::int64_t i = first(); i < op.size; i += step()) {
    double sum = 0;
    PHASEGRID_KEEP_LOOP
    for (int r = 0; r < op.count; ++r) sum += static_cast<double>(op.parts[r * op.stride + i]);
    op.sum[i] = static_cast<float>(op.scale * sum);
  }
}

void replica_sum(const ReplicaSum<float>& op) { launch<sum_replicas>(blocks_for(op.size, 1), kThreads, op); }

}  // namespace phasegrid::kernels::cuda
