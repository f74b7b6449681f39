#include "kernels/embedding/embedding.hpp"

#include "kernels/operation.hpp"
#include "kernels/parallel.hpp"
#include "kernels/vec.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

template <class Real>
void forward(const Embedding<Real>& op) {
  for (int m = 0; m < op.models; ++m)
    parallel_rows(op.y.count[m], op.y.width, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) {
        const Real* e = op.from_base ? op.base.value(m) + r * op.base.width : op.table.value(m) + static_cast<std::int64_t>(op.token[m][r]) * op.table.width;
        Real* y = op.y.value(m) + r * op.y.width;
        for (int i = 0; i < op.y.width; i += kLanes) at(y + i) = at(e + i);
        if (op.noise)
          for (int i = 0; i < op.y.columns; ++i) y[i] += static_cast<Real>(op.noise[m][r * op.y.columns + i]);
        if (!op.positional) continue;
        const Real* p = op.positions.value(m) + static_cast<std::int64_t>(op.position[m][r]) * op.positions.width;
        for (int i = 0; i < op.y.width; i += kLanes) at(y + i) += at(p + i);
      }
    });
}

template <class Real>
void backward(const Embedding<Real>& op) {
  for (int m = 0; m < op.models; ++m)
    parallel_columns(op.y.width, op.y.count[m], [&](int begin, int end) {
      for (std::int64_t r = 0; r < op.y.count[m]; ++r) {
        const Real* d_y = op.y.grad(m) + r * op.y.width;
        const bool add = !op.from_base || op.base.add;
        Real* d_e = op.from_base ? op.base.grad(m) + r * op.base.width : op.table.grad(m) + static_cast<std::int64_t>(op.token[m][r]) * op.table.width;
        for (int i = begin; i < end; i += kLanes) at(d_e + i) = add ? at(d_e + i) + at(d_y + i) : at(d_y + i);
        if (!op.positional) continue;
        Real* d_p = op.positions.grad(m) + static_cast<std::int64_t>(op.position[m][r]) * op.positions.width;
        for (int i = begin; i < end; i += kLanes) at(d_p + i) += at(d_y + i);
      }
    });
}

PHASEGRID_OPERATION(Embedding)

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
