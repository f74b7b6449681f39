#include "kernels/input/input.hpp"

#include "kernels/operation.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

template <class Real>
void forward(const Input<Real>& op) {
  const int columns = op.y.columns;
  for (int m = 0; m < op.models; ++m)
    for (std::int64_t r = 0; r < op.y.count[m]; ++r)
      for (int c = 0; c < columns; ++c) op.y.value(m)[r * op.y.width + c] = static_cast<Real>(op.numbers[m][r * columns + c]);
}

template <class Real>
void backward(const Input<Real>&) {}

PHASEGRID_OPERATION(Input)

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
