#include "kernels/embedding/embedding.hpp"

#include "kernels/device/access.hpp"
#include "kernels/device/operations.hpp"
#include "kernels/device/queue.hpp"

namespace phasegrid::kernels::cuda {

__global__ void embedding_forward(Embedding<float> op) {
  const int m = blockIdx.y, width = op.y.width;
  each_number(count(op.y, m), width, [&](std::int64_t r, int c, std::int64_t i) {
    float e = op.from_base ? value(op.base, m)[i]
                           : value(op.table, m)[op.token.data[m][r] * static_cast<std::int64_t>(width) + c];
    if (op.noise.data && c < op.y.columns) e += op.noise.data[m][r * op.y.columns + c];
    if (op.positional) e += value(op.positions, m)[op.position.data[m][r] * static_cast<std::int64_t>(width) + c];
    value(op.y, m)[i] = e;
  });
}

// One number of a table: the sum over the rows that read it.
__global__ void embedding_table_backward(Embedding<float> op, Parameter<float> table, Index map) {
  const int m = blockIdx.y, width = table.width;
  each_number(table.rows, width, [&](std::int64_t row, int c, std::int64_t i) {
    const Readers rows = readers(map, op.models, m, row);
    float sum = grad(table, m)[i];
    for (const std::int32_t* r = rows.begin; r < rows.end; ++r)
      sum += grad(op.y, m)[*r * static_cast<std::int64_t>(width) + c];
    grad(table, m)[i] = sum;
  });
}

__global__ void embedding_base_backward(Embedding<float> op) {
  const int m = blockIdx.y;
  for (std::int64_t i = first(); i < static_cast<std::int64_t>(count(op.y, m)) * op.y.width; i += step())
    put(grad(op.base, m)[i], grad(op.y, m)[i], op.base.add);
}

// Without the maps that nobody reads and that the mirror therefore leaves on the host.
static Embedding<float> as_read(Embedding<float> op) {
  if (op.from_base) op.token = {};
  if (!op.positional) op.position = {};
  return op;
}

void forward(const Embedding<float>& all) {
  const Embedding<float> op = as_read(all);
  launch<embedding_forward>(blocks_for(op.y.stride, op.models), kThreads, op);
}

void backward(const Embedding<float>& all) {
  const Embedding<float> op = as_read(all);
  const auto table = [&](const Parameter<float>& p, const Index& map) {
    launch<embedding_table_backward>(blocks_for(static_cast<std::int64_t>(p.rows) * p.width, op.models), kThreads, op,
                                     p, map);
  };
  if (op.from_base) launch<embedding_base_backward>(blocks_for(op.y.stride, op.models), kThreads, op);
  else table(op.table, op.token);
  if (op.positional) table(op.positions, op.position);
}

}  // namespace phasegrid::kernels::cuda
