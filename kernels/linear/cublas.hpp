// Linear layers by cuBLAS, in place of our own product: what --fast-gemm asks for.
#pragma once
#include "kernels/linear/linear.hpp"
#include "kernels/operation.hpp"

namespace phasegrid::kernels {

const Functions<Linear<float>>* cublas_linear();  // null: this program was built without cuBLAS

}  // namespace phasegrid::kernels
