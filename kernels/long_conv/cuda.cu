// Everywhere a thread has a channel, and neighbouring lanes have neighbouring channels:
//   y: four outputs, which share the loads of u and of steps, as on the CPU; the sums stay in registers;
//   du: one step; it meets the outputs at and after it in their order;
//   dK: one distance j and all powers; it meets the pairs at that distance, sequence by sequence, kGroup sequences a
//   thread, and the groups are joined in order. Sums K^i of runs, and their gradients, go level by level in one block
//   of 32 channels.
#include "kernels/long_conv/long_conv.hpp"

#include "kernels/device/operations.hpp"
#include "kernels/long_conv/times.hpp"

namespace phasegrid::kernels::cuda {
namespace {

constexpr int kOutputs = 4, kGroup = 8;

// K^i [M][kPowers][T][D]; level 0 is K itself. Gradients likewise, all levels, and those of groups of sequences.
struct ConvTables {
  float *K, *d_K, *d_groups, *d_u, *shared_u;
  int groups;
};

}  // namespace

__device__ const float* level(const LongConv<float>& op, const ConvTables& tables, int m, int power) {
  const std::int64_t size = op.K.stride;
  return power == 0 ? value(op.K, m) : tables.K + (static_cast<std::int64_t>(m) * kPowers + power) * size;
}

__global__ void long_conv_table(LongConv<float> op, ConvTables tables) {
  const int m = blockIdx.y, c = blockIdx.x * kColumns + threadIdx.x, T = count(op.K, m), D = op.K.width;
  if (op.walks[m].shared == 0) return;
  for (int power = 1; power < kPowers; ++power) {
    const float* half = level(op, tables, m, power - 1);
    float* to = tables.K + (static_cast<std::int64_t>(m) * kPowers + power) * op.K.stride;
    for (int j = threadIdx.y; c < D && j + (1 << power) <= T; j += kSlices)
      to[static_cast<std::int64_t>(j) * D + c] =
          half[static_cast<std::int64_t>(j) * D + c] +
          half[static_cast<std::int64_t>(j + (1 << (power - 1))) * D + c];  // (3)
    __syncthreads();
  }
}

// Outputs q .. q + n - 1 of one sequence.
template <int n>
__device__ void convolve(const LongConv<float>& op, const ConvTables& tables, const ConvTimes& times, int m, int q,
                         int c) {
  const Walk& walk = op.walks[m];
  const int D = op.u.width;
  const std::int32_t *end = times.end + m * times.room.steps, *read = times.read + m * times.outputs;
  const float* u = value(op.u, m) + c;
  float sum[n];
  int time[n];
  PHASEGRID_UNROLL
  for (int o = 0; o < n; ++o) {
    time[o] = times.time[m * times.outputs + q + o];
    sum[o] = value(op.skip, m)[c] * u[static_cast<std::int64_t>(op.output_row.data[m][q + o]) * D];
  }
  const int begin = walk.first_step[times.sequence[m * times.room.steps + read[q]]];
  PHASEGRID_KEEP_LOOP
  for (int i = begin; i <= read[q]; ++i) {
    const ScanStep step = walk.steps[i];
    const float u_t = u[static_cast<std::int64_t>(step.row) * D];
    const float* K = level(op, tables, m, step.log2_repeats) + c;
    PHASEGRID_UNROLL
    for (int o = 0; o < n; ++o) sum[o] += K[static_cast<std::int64_t>(time[o] - end[i]) * D] * u_t;  // (1)
  }
  PHASEGRID_UNROLL
  for (int o = 1; o < n; ++o) {
    PHASEGRID_KEEP_LOOP
    for (int i = read[q] + 1; i <= read[q + o]; ++i) {
      const ScanStep step = walk.steps[i];
      sum[o] += level(op, tables, m, step.log2_repeats)[static_cast<std::int64_t>(time[o] - end[i]) * D + c] *
                u[static_cast<std::int64_t>(step.row) * D];
    }
  }
  PHASEGRID_UNROLL
  for (int o = 0; o < n; ++o) value(op.y, m)[static_cast<std::int64_t>(q + o) * D + c] = sum[o];
}

__global__ void long_conv_forward(LongConv<float> op, ConvTables tables, ConvTimes times) {
  const int m = blockIdx.y, outputs = count(op.y, m);
  const std::int64_t groups = (outputs + kOutputs - 1) / kOutputs;
  each_number(groups, op.u.width, [&](std::int64_t group, int c, std::int64_t) {
    const int q = static_cast<int>(group) * kOutputs;
    const std::int32_t *read = times.read + m * times.outputs, *sequence = times.sequence + m * times.room.steps;
    if (q + kOutputs <= outputs && sequence[read[q]] == sequence[read[q + kOutputs - 1]]) {
      convolve<kOutputs>(op, tables, times, m, q, c);
    } else {
      for (int o = 0; o < kOutputs && q + o < outputs; ++o) convolve<1>(op, tables, times, m, q + o, c);
    }
  });
}

__global__ void long_conv_input_backward(LongConv<float> op, ConvTables tables, ConvTimes times) {
  const int m = blockIdx.y, D = op.u.width;
  const Walk walk = op.walks[m];
  const std::int64_t steps = walk.sequences > 0 ? walk.first_step[walk.sequences] : 0;
  const std::int32_t *end = times.end + m * times.room.steps, *time = times.time + m * times.outputs;
  each_number(steps, D, [&](std::int64_t j, int c, std::int64_t) {
    const std::int64_t place = m * times.room.steps + j;
    const float* K = level(op, tables, m, walk.steps[j].log2_repeats) + c;
    float sum = 0;
    PHASEGRID_UNROLL_SOME
    for (int q = times.next_output[place]; q < walk.first_output[times.sequence[place] + 1]; ++q)
      sum += K[static_cast<std::int64_t>(time[q] - end[j]) * D] *
             grad(op.y, m)[static_cast<std::int64_t>(q) * D + c];  // (2)
    tables.d_u[place * D + c] = sum;
  });
}

// The sums of kGroup sequences, all powers of one distance.
__global__ void long_conv_kernel_backward(LongConv<float> op, ConvTables tables, ConvTimes times) {
  const int m = blockIdx.y, group = blockIdx.z, T = count(op.K, m), D = op.u.width;
  const Walk walk = op.walks[m];
  const int last = group * kGroup + kGroup < walk.sequences ? group * kGroup + kGroup : walk.sequences;
  if (group * kGroup >= walk.sequences) return;
  const std::int32_t* time = times.time + m * times.outputs;
  float* to = tables.d_groups + (static_cast<std::int64_t>(m) * tables.groups + group) * kPowers * op.K.stride;
  each_number(T, D, [&](std::int64_t distance, int c, std::int64_t i) {
    const int j = static_cast<int>(distance);
    float sum[kPowers];
    PHASEGRID_UNROLL
    for (int power = 0; power < kPowers; ++power) sum[power] = 0;
    for (int s = group * kGroup; s < last; ++s) {
      const std::int32_t* at = times.at + (m * times.room.sequences + s) * times.T;
      PHASEGRID_UNROLL_SOME
      for (int q = walk.first_output[s]; q < walk.first_output[s + 1]; ++q) {
        const int t = time[q] - j, what = t >= 0 ? at[t] : -1;
        if (what < 0) continue;
        const float d = grad(op.y, m)[static_cast<std::int64_t>(q) * D + c] *
                        value(op.u, m)[static_cast<std::int64_t>(what / kPowers) * D + c];
        const int of = what % kPowers;  // nearly always 0, and the same for all lanes
        if (of == 0) {
          sum[0] += d;
        } else {
          PHASEGRID_UNROLL
          for (int power = 1; power < kPowers; ++power) sum[power] += of == power ? d : 0.0f;  // stays in registers
        }
      }
    }
    PHASEGRID_UNROLL
    for (int power = 0; power < kPowers; ++power)
      if (power == 0 || walk.shared > 0) to[power * op.K.stride + i] = sum[power];
  });
}

__global__ void long_conv_join_groups(LongConv<float> op, ConvTables tables) {
  const int m = blockIdx.y, used = (op.walks[m].sequences + kGroup - 1) / kGroup;
  const std::int64_t size = kPowers * op.K.stride, wanted = op.walks[m].shared > 0 ? size : op.K.stride;
  for (std::int64_t i = first(); i < wanted; i += step()) {
    float sum = 0;
    for (int group = 0; group < used; ++group)
      sum += tables.d_groups[(static_cast<std::int64_t>(m) * tables.groups + group) * size + i];
    tables.d_K[m * size + i] = sum;
  }
}

// From the sums of 2^i entries to those of half as many, down to K: number j of a level is half of sums j and j -
// 2^(i-1) above.
__global__ void long_conv_fold(LongConv<float> op, ConvTables tables) {
  const int m = blockIdx.y, c = blockIdx.x * kColumns + threadIdx.x, T = count(op.K, m), D = op.K.width;
  float* d_K = tables.d_K + static_cast<std::int64_t>(m) * kPowers * op.K.stride;
  for (int power = kPowers - 1; power > 0 && op.walks[m].shared > 0; --power) {
    const float* above = d_K + power * op.K.stride + c;
    float* here = d_K + (power - 1) * op.K.stride + c;
    const int half = 1 << (power - 1), most = T - 2 * half;  // the last j of the level above
    for (int j = threadIdx.y; c < D && j < T; j += kSlices) {
      float sum = here[static_cast<std::int64_t>(j) * D];
      if (j <= most) sum += above[static_cast<std::int64_t>(j) * D];
      if (j >= half && j - half <= most) sum += above[static_cast<std::int64_t>(j - half) * D];
      here[static_cast<std::int64_t>(j) * D] = sum;
    }
    __syncthreads();
  }
  for (int j = threadIdx.y; c < D && j < T; j += kSlices) {
    const std::int64_t i = static_cast<std::int64_t>(j) * D + c;
    put(grad(op.K, m)[i], d_K[i], op.K.add);
  }
}

namespace {

// Everything in the workspace; the way forward needs only some of it.
struct Prepared {
  LongConv<float> op;
  ConvTables tables{};
  ConvTimes times{};

  Prepared(const LongConv<float>& given, bool back) : op(given) {
    op.integers = nullptr, op.scratch = nullptr;  // the CPU's
    const std::int64_t M = op.models, T = capacity(op.K);
    times.room = walk_room(op.u, static_cast<int>(T)), times.outputs = capacity(op.y), times.T = static_cast<int>(T);
    tables.groups = static_cast<int>((times.room.sequences + kGroup - 1) / kGroup);
    const std::int64_t steps = M * times.room.steps, ats = M * times.room.sequences * T,
                       levels = M * kPowers * op.K.stride;
    const std::int64_t sizes[] = {levels, back ? levels : 0, back ? tables.groups * levels : 0,
                                  back ? steps * op.u.width : 0,
                                  back ? shared_size(op.models, times.room, op.u.width) : 0};
    Workspace workspace;
    workspace.want<std::int32_t>(steps).want<std::int32_t>(steps).want<std::int32_t>(steps);
    workspace.want<std::int32_t>(M * times.outputs).want<std::int32_t>(M * times.outputs).want<std::int32_t>(ats);
    for (const std::int64_t size : sizes) workspace.want<float>(size);
    workspace.take();
    for (std::int32_t** place : {&times.end, &times.next_output, &times.sequence})
      *place = workspace.get<std::int32_t>(steps);
    for (std::int32_t** place : {&times.read, &times.time}) *place = workspace.get<std::int32_t>(M * times.outputs);
    times.at = workspace.get<std::int32_t>(ats);
    float** places[] = {&tables.K, &tables.d_K, &tables.d_groups, &tables.d_u, &tables.shared_u};
    for (int i = 0; i < 5; ++i) *places[i] = workspace.get<float>(sizes[i]);
    const unsigned warps = static_cast<unsigned>((times.room.sequences + 3) / 4);
    launch<long_conv_times>(dim3(warps, static_cast<unsigned>(op.models)), dim3(32, 4), op, times);
    launch<long_conv_table>(column_blocks(op.K.width, op.models), column_threads(), op, tables);
  }
};

}  // namespace

void forward(const LongConv<float>& given) {
  const Prepared k(given, false);
  const std::int64_t groups = (k.times.outputs + kOutputs - 1) / kOutputs;
  launch<long_conv_forward>(blocks_for(groups * k.op.u.width, k.op.models), kThreads, k.op, k.tables, k.times);
}

void backward(const LongConv<float>& given) {
  const Prepared k(given, true);
  const int M = k.op.models;
  launch<long_conv_input_backward>(blocks_for(k.times.room.steps * k.op.u.width, M), kThreads, k.op, k.tables, k.times);
  unpack_steps(M, k.op.u, k.op.walks, k.times.room, k.tables.d_u, k.tables.shared_u);
  dim3 blocks = blocks_for(k.op.K.stride, M);
  blocks.z = static_cast<unsigned>(k.tables.groups);
  launch<long_conv_kernel_backward>(blocks, kThreads, k.op, k.tables, k.times);
  launch<long_conv_join_groups>(blocks_for(kPowers * k.op.K.stride, M), kThreads, k.op, k.tables);
  launch<long_conv_fold>(column_blocks(k.op.K.width, M), column_threads(), k.op, k.tables);
  pull_back_skip(M, k.op.u, k.op.y, k.op.skip, k.op.output_row);
}

}  // namespace phasegrid::kernels::cuda
