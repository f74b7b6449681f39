#include "kernels/gate/gate.hpp"

#include "kernels/operation.hpp"
#include "kernels/vec.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

template <class Real>
void forward(const Gate<Real>& op) {
  for (int m = 0; m < op.models; ++m)
    for (std::int64_t q = 0, width = op.y.width; q < op.o.count[m]; ++q)
      for (int i = 0; i < width; i += kLanes) {
        const Vec<Real> z = at(op.z.value(m) + op.row[m][q] * width + i);
        at(op.o.value(m) + q * width + i) = at(op.y.value(m) + q * width + i) * activate(op.activation, z).value;
      }
}

template <class Real>
void backward(const Gate<Real>& op) {
  for (int m = 0; m < op.models; ++m) {
    const std::int64_t width = op.y.width;
    if (!op.z.add) std::memset(op.z.grad(m), 0, static_cast<std::size_t>(op.z.count[m]) * width * sizeof(Real));
    for (std::int64_t q = 0; q < op.o.count[m]; ++q)
      for (int i = 0; i < width; i += kLanes) {
        const std::int64_t z = op.row[m][q] * width + i, j = q * width + i;
        const Pointwise<Vec<Real>> g = activate(op.activation, at(op.z.value(m) + z));
        const Vec<Real> d_o = at(op.o.grad(m) + j), d_y = d_o * g.value;
        at(op.z.grad(m) + z) += d_o * at(op.y.value(m) + j) * g.derivative;
        at(op.y.grad(m) + j) = op.y.add ? at(op.y.grad(m) + j) + d_y : d_y;
      }
  }
}

PHASEGRID_OPERATION(Gate)

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
