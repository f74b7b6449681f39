// Every operation, one line each, and where to find the loops of a device.
#pragma once
#include <string_view>
#include <vector>

#include "kernels/attention/attention.hpp"
#include "kernels/block_delta/block_delta.hpp"
#include "kernels/block_linear/block_linear.hpp"
#include "kernels/block_scan/block_scan.hpp"
#include "kernels/conv/conv.hpp"
#include "kernels/cross_entropy/cross_entropy.hpp"
#include "kernels/embedding/embedding.hpp"
#include "kernels/exercise/exercise.hpp"
#include "kernels/gate/gate.hpp"
#include "kernels/gather/gather.hpp"
#include "kernels/input/input.hpp"
#include "kernels/linear/linear.hpp"
#include "kernels/long_conv/long_conv.hpp"
#include "kernels/norm/norm.hpp"
#include "kernels/operation.hpp"
#include "kernels/optimiser/optimiser.hpp"
#include "kernels/replica_sum/replica_sum.hpp"
#include "kernels/s4_kernel/s4_kernel.hpp"
#include "kernels/s4d/s4d.hpp"
#include "kernels/s4d_kernel/s4d_kernel.hpp"
#include "kernels/scan/scan.hpp"
#include "kernels/softsort/softsort.hpp"
#include "kernels/squared_error/squared_error.hpp"
#include "kernels/ssd/ssd.hpp"
#include "kernels/triangle/triangle.hpp"

namespace phasegrid::kernels {

#define PHASEGRID_OPERATIONS(OPERATION)     \
  OPERATION(embedding, Embedding)           \
  OPERATION(input, Input)                   \
  OPERATION(norm, Norm)                     \
  OPERATION(linear, Linear)                 \
  OPERATION(conv, Conv)                     \
  OPERATION(scan, Scan)                     \
  OPERATION(ssd, Ssd)                       \
  OPERATION(s4d, S4d)                       \
  OPERATION(s4d_kernel, S4dKernel)          \
  OPERATION(s4_kernel, S4Kernel)            \
  OPERATION(long_conv, LongConv)            \
  OPERATION(block_delta, BlockDelta)        \
  OPERATION(block_linear, BlockLinear)      \
  OPERATION(block_scan, BlockScan)          \
  OPERATION(attention, Attention)           \
  OPERATION(softsort, SoftSort)             \
  OPERATION(triangle, Triangle)             \
  OPERATION(gather, Gather)                 \
  OPERATION(gate, Gate)                     \
  OPERATION(cross_entropy, CrossEntropy)    \
  OPERATION(squared_error, SquaredError)

template <class Real>
struct Operations {
#define PHASEGRID_MEMBER(name, Name) Functions<Name<Real>> name;
  PHASEGRID_OPERATIONS(PHASEGRID_MEMBER)
#undef PHASEGRID_MEMBER
  void (*update)(const Update<Real>&);   // one optimiser step of one model
  void (*replica_sum)(const ReplicaSum<Real>&);
  void (*exercise)(const Exercise&);
};

// What an operation is called.
#define PHASEGRID_NAME(name, Name) \
  template <class Real>            \
  constexpr const char* name_of(const Name<Real>&) { return #name; }
PHASEGRID_OPERATIONS(PHASEGRID_NAME)
#undef PHASEGRID_NAME

// "cpu-portable", "cpu-avx2", "cpu-avx512": those this machine can run, least capable first.
std::vector<std::string_view> cpu_kinds();

// Throws std::invalid_argument for a kind that this machine cannot run.
template <class Real>
const Operations<Real>& operations(std::string_view device_kind);

// Results below the smallest normal number become zero, on this thread, from now on: denormals slow a state update 15 times.
void flush_denormals();

}  // namespace phasegrid::kernels
