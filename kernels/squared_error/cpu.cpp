#include "kernels/squared_error/squared_error.hpp"

#include "kernels/operation.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

template <class Real>
void forward(const SquaredError<Real>& op) {
  const int O = op.y.columns;
  for (int m = 0; m < op.models; ++m) {
    const std::int64_t Q = op.y.count[m], width = op.y.width;
    const double terms = static_cast<double>(O) * (op.mean && Q > 0 ? static_cast<double>(Q) : 1.0);
    const Real scale = static_cast<Real>(2 / terms);
    double sum = 0;
    for (std::int64_t q = 0; q < Q; ++q) {
      const Real* y = op.y.value(m) + q * width;
      Real* d = op.y.grads ? op.y.grad(m) + q * width : nullptr;
      for (int o = 0; o < O; ++o) {
        const Real difference = y[o] - static_cast<Real>(op.target[m][q * O + o]);
        sum += static_cast<double>(difference) * static_cast<double>(difference);
        if (d) d[o] = scale * difference;
      }
      for (std::int64_t o = O; d && o < width; ++o) d[o] = 0;
    }
    op.loss[m] = sum / terms;
  }
}

template <class Real>
void backward(const SquaredError<Real>&) {}  // done on the way forward

PHASEGRID_OPERATION(SquaredError)

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
