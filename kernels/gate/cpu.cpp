#include "kernels/gate/gate.hpp"

#include "kernels/operation.hpp"
#include "kernels/parallel.hpp"
#include "kernels/vec.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

template <class Real>
void forward(const Gate<Real>& op) {
  for (int m = 0; m < op.models; ++m) {
    const std::int64_t width = op.y.width;
    parallel_rows(op.o.count[m], 2 * width, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t q = begin; q < end; ++q)
        for (int i = 0; i < width; i += kLanes) {
          const Vec<Real> z = at(op.z.value(m) + op.row[m][q] * width + i);
          at(op.o.value(m) + q * width + i) = at(op.y.value(m) + q * width + i) * activate(op.activation, z).value;
        }
    });
  }
}

template <class Real>
void backward(const Gate<Real>& op) {
  for (int m = 0; m < op.models; ++m) {
    const std::int64_t width = op.y.width;
    if (!op.z.add) parallel_zero(op.z.grad(m), op.z.count[m] * width);
    parallel_columns(op.y.width, 3 * op.o.count[m], [&](int begin, int end) {
      for (std::int64_t q = 0; q < op.o.count[m]; ++q)
        for (int i = begin; i < end; i += kLanes) {
          const std::int64_t z = op.row[m][q] * width + i, j = q * width + i;
          const Pointwise<Vec<Real>> g = activate(op.activation, at(op.z.value(m) + z));
          const Vec<Real> d_o = at(op.o.grad(m) + j), d_y = d_o * g.value;
          at(op.z.grad(m) + z) += d_o * at(op.y.value(m) + j) * g.derivative;
          at(op.y.grad(m) + j) = op.y.add ? at(op.y.grad(m) + j) + d_y : d_y;
        }
    });
  }
}

PHASEGRID_OPERATION(Gate)

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
