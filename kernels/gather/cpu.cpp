#include "kernels/gather/gather.hpp"

#include "kernels/operation.hpp"
#include "kernels/parallel.hpp"
#include "kernels/vec.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

template <class Real>
void forward(const Gather<Real>& op) {
  for (int m = 0; m < op.models; ++m) {
    const std::int64_t width = op.y.width;
    parallel_rows(op.y.count[m], width, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r)
        for (int i = 0; i < width; i += kLanes) {
          const Vec<Real> x = at(op.x.value(m) + op.index[m][r] * width + i);
          at(op.y.value(m) + r * width + i) = op.base.values ? at(op.base.value(m) + r * width + i) + x : x;
        }
    });
  }
}

template <class Real>
void backward(const Gather<Real>& op) {
  for (int m = 0; m < op.models; ++m) {
    const std::int64_t width = op.y.width;
    if (op.x.grads && !op.x.add) parallel_zero(op.x.grad(m), op.x.count[m] * width);
    parallel_columns(op.y.width, op.y.count[m], [&](int begin, int end) {
      for (std::int64_t r = 0; r < op.y.count[m]; ++r)
        for (int i = begin; i < end; i += kLanes) {
          const Vec<Real> d_y = at(op.y.grad(m) + r * width + i);
          if (op.x.grads) at(op.x.grad(m) + op.index[m][r] * width + i) += d_y;
          if (op.base.grads) {
            Vec<Real>& d_base = at(op.base.grad(m) + r * width + i);
            d_base = op.base.add ? d_base + d_y : d_y;
          }
        }
    });
  }
}

PHASEGRID_OPERATION(Gather)

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
