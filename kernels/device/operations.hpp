// The operations that have a cuda.cu. The others keep their variants on the CPU.
#pragma once

namespace phasegrid::kernels {

#define PHASEGRID_CUDA_OPERATIONS(OPERATION) \
  OPERATION(embedding, Embedding)            \
  OPERATION(input, Input)                    \
  OPERATION(norm, Norm)                      \
  OPERATION(linear, Linear)                  \
  OPERATION(conv, Conv)                      \
  OPERATION(scan, Scan)                      \
  OPERATION(ssd, Ssd)                        \
  OPERATION(s4d, S4d)                        \
  OPERATION(s4d_kernel, S4dKernel)           \
  OPERATION(long_conv, LongConv)             \
  OPERATION(triangle, Triangle)              \
  OPERATION(gather, Gather)                  \
  OPERATION(gate, Gate)                      \
  OPERATION(cross_entropy, CrossEntropy)     \
  OPERATION(squared_error, SquaredError)

#define PHASEGRID_CUDA_DECLARE(name, Name) \
  template <class Real>                    \
  struct Name;
PHASEGRID_CUDA_OPERATIONS(PHASEGRID_CUDA_DECLARE)
#undef PHASEGRID_CUDA_DECLARE
template <class Real>
struct Update;

namespace cuda {
#define PHASEGRID_CUDA_DECLARE(name, Name) \
  void forward(const Name<float>&);        \
  void backward(const Name<float>&);
PHASEGRID_CUDA_OPERATIONS(PHASEGRID_CUDA_DECLARE)
#undef PHASEGRID_CUDA_DECLARE
}  // namespace cuda

}  // namespace phasegrid::kernels
