#include "kernels/device/walks.hpp"

#include "kernels/device/reduce.hpp"

namespace phasegrid::kernels::cuda {

__device__ std::int64_t steps_of(const Walk& walk) { return walk.sequences > 0 ? walk.first_step[walk.sequences] : 0; }

__global__ void steps_pack(Rows<float> rows, const Walk* walks, std::int64_t most, float* dense) {
  const int m = blockIdx.y;
  const std::int64_t width = rows.width;
  const Walk walk = walks[m];
  each_number(steps_of(walk), rows.width, [&](std::int64_t j, int c, std::int64_t i) {
    dense[m * most * width + i] = value(rows, m)[walk.steps[j].row * width + c];
  });
}

__global__ void steps_unpack_own(Rows<float> rows, const Walk* walks, std::int64_t most, const float* dense) {
  const int m = blockIdx.y;
  const std::int64_t width = rows.width;
  const Walk walk = walks[m];
  each_number(steps_of(walk), rows.width, [&](std::int64_t j, int c, std::int64_t i) {
    const int row = walk.steps[j].row;
    if (row >= walk.shared && c < rows.columns)
      put(grad(rows, m)[row * width + c], dense[m * most * width + i], rows.add);
  });
}

// One number of one shared row in one sequence: the sum over its visits.
__global__ void steps_sum_shared(Rows<float> rows, const Walk* walks, WalkRoom room, const float* dense, float* parts) {
  const int m = blockIdx.y;
  const Walk walk = walks[m];
  const std::int64_t width = rows.width, each = kMostShared * width;
  for (std::int64_t i = first(); i < walk.sequences * each; i += step()) {
    const std::int64_t s = i / each, c = i % width;
    const int row = static_cast<int>(i % each / width);
    if (row >= walk.shared || c >= rows.columns) continue;
    float sum = 0;
    for (int j = walk.first_step[s]; j < walk.first_step[s + 1]; ++j)
      if (walk.steps[j].row == row) sum += dense[(m * room.steps + j) * width + c];
    parts[m * room.sequences * each + i] = sum;
  }
}

__global__ void shared_rows_join(Rows<float> rows, const Walk* walks, std::int64_t sequences, const float* parts) {
  const int m = blockIdx.y;
  const std::int64_t each = static_cast<std::int64_t>(kMostShared) * rows.width;
  for (std::int64_t i = first(); i < static_cast<std::int64_t>(walks[m].shared) * rows.width; i += step()) {
    if (i % rows.width >= rows.columns) continue;  // padding
    float sum = 0;
    for (int s = 0; s < walks[m].sequences; ++s) sum += parts[(m * sequences + s) * each + i];
    put(grad(rows, m)[i], sum, rows.add);
  }
}

__global__ void sequences_join(const Walk* walks, std::int64_t sequences, std::int64_t size, const float* parts,
                               float* out) {
  const int m = blockIdx.y;
  for (std::int64_t i = first(); i < size; i += step()) {
    float sum = 0;
    for (int s = 0; s < walks[m].sequences; ++s) sum += parts[(m * sequences + s) * size + i];
    out[m * size + i] = sum;
  }
}

__global__ void skip_backward(Rows<float> u, Rows<float> y, Parameter<float> skip, Index output_row, ColumnSums meet) {
  const int m = blockIdx.y;
  const std::int64_t D = u.width;
  column_sums<1>(
      count(y, m), u.columns, meet,
      [&](int q, int c, float(&sum)[1]) {
        sum[0] += grad(y, m)[q * D + c] * value(u, m)[output_row.data[m][q] * D + c];
      },
      [&](int c, float(&sum)[1]) { grad(skip, m)[c] += sum[0]; });
}
__global__ void skip_input_backward(Rows<float> u, Rows<float> y, Parameter<float> skip, Index output_row, int models) {
  const int m = blockIdx.y;
  const std::int64_t D = u.width;
  each_number(count(u, m), u.width, [&](std::int64_t row, int c, std::int64_t i) {
    const Readers outputs = readers(output_row, models, m, row);
    if (outputs.begin == outputs.end) return;
    float sum = 0;
    for (const std::int32_t* q = outputs.begin; q < outputs.end; ++q) sum += grad(y, m)[*q * D + c];
    grad(u, m)[i] += sum * value(skip, m)[c];
  });
}

void pack_steps(int models, const Rows<float>& rows, const Walk* walks, WalkRoom room, float* dense) {
  launch<steps_pack>(blocks_for(room.steps * rows.width, models), kThreads, rows, walks, room.steps, dense);
}
void unpack_steps(int models, const Rows<float>& rows, const Walk* walks, WalkRoom room, const float* dense,
                  float* parts) {
  launch<steps_unpack_own>(blocks_for(room.steps * rows.width, models), kThreads, rows, walks, room.steps, dense);
  launch<steps_sum_shared>(blocks_for(room.sequences * kMostShared * rows.width, models), kThreads, rows, walks, room,
                           dense, parts);
  join_shared_rows(models, rows, walks, room, parts);
}
void join_shared_rows(int models, const Rows<float>& rows, const Walk* walks, WalkRoom room, const float* parts) {
  launch<shared_rows_join>(blocks_for(kMostShared * rows.width, models), kThreads, rows, walks, room.sequences, parts);
}
void join_sequences(int models, const Walk* walks, WalkRoom room, std::int64_t size, const float* parts, float* out) {
  launch<sequences_join>(blocks_for(size, models), kThreads, walks, room.sequences, size, parts, out);
}
void pull_back_skip(int models, const Rows<float>& u, const Rows<float>& y, const Parameter<float>& skip,
                    const Index& output_row) {
  launch_column_sums<skip_backward>(1, u.width, models, capacity(y), u, y, skip, output_row);
  launch<skip_input_backward>(blocks_for(u.stride, models), kThreads, u, y, skip, output_row, models);
}

}  // namespace phasegrid::kernels::cuda
