// When steps end and who is read when, of every sequence of a batch, found on the device: a warp a sequence, 32 steps
// at once.
#pragma once
#include "kernels/device/reduce.hpp"
#include "kernels/device/walks.hpp"
#include "kernels/long_conv/long_conv.hpp"

namespace phasegrid::kernels::cuda {

// Tables of model m, in the workspace: steps and outputs count from the first of the model.
struct ConvTimes {
  WalkRoom room;
  std::int64_t outputs;  // at most
  int T;
  std::int32_t* end;          // [M][steps]: the position at which a step ends
  std::int32_t* next_output;  // [M][steps]: the first output that is read at or after a step
  std::int32_t* sequence;     // [M][steps]: of a step
  std::int32_t* read;         // [M][outputs] -> step
  std::int32_t* time;         // [M][outputs]: when it is read
  std::int32_t* at;  // [M][sequences][T]: kPowers times row plus log2_repeats of the step that ends there, or -1
};

// The same kind of scan for both: inclusive sums over the lanes.
__device__ inline int warp_prefix(int v) {
  PHASEGRID_UNROLL
  for (int d = 1; d < 32; d *= 2) {
    const int other = __shfl_up_sync(kAllLanes, v, static_cast<unsigned>(d));
    if (lane() >= d) v += other;
  }
  return v;
}

__global__ void long_conv_times(LongConv<float> op, ConvTimes times) {
  const int m = blockIdx.y, s = static_cast<int>(blockIdx.x * blockDim.y + threadIdx.y);
  const Walk walk = op.walks[m];
  if (s >= walk.sequences) return;
  std::int32_t* at = times.at + (m * times.room.sequences + s) * times.T;
  for (int t = lane(); t < times.T; t += 32) at[t] = -1;
  __syncwarp();
  int ended = -1, output = walk.first_output[s];
  for (int i0 = walk.first_step[s]; i0 < walk.first_step[s + 1]; i0 += 32) {
    const int i = i0 + lane();
    const bool exists = i < walk.first_step[s + 1];
    const ScanStep step = exists ? walk.steps[i] : ScanStep{0, -1, 0};
    const int length = exists ? 1 << step.log2_repeats : 0, is_read = step.output >= 0;
    const int lengths = warp_prefix(length), reads = warp_prefix(is_read);
    if (exists) {
      const std::int64_t place = m * times.room.steps + i;
      times.end[place] = ended + lengths, times.next_output[place] = output + reads - is_read,
      times.sequence[place] = s;
      at[ended + lengths] = step.row * kPowers + step.log2_repeats;
      const std::int64_t q = m * times.outputs + step.output;
      if (is_read) times.read[q] = i, times.time[q] = ended + lengths;
    }
    ended += __shfl_sync(kAllLanes, lengths, 31), output += __shfl_sync(kAllLanes, reads, 31);
  }
}

}  // namespace phasegrid::kernels::cuda
