// The sum of what several replicas have computed, in an order of ours: replica by replica, so that every one of them gets the same bits.
//
//   sum_i = scale (p_0i + p_1i + ... + p_(count-1)i)      added in double, rounded once
//
//   parts (count, stride)   sum (size), size <= stride; it may be one of the parts
//
// With one part it scales.
#pragma once
#include <cstdint>

namespace phasegrid::kernels {

template <class Real>
struct ReplicaSum {
  const Real* parts = nullptr;
  std::int64_t stride = 0;
  int count = 1;
  double scale = 1;
  Real* sum = nullptr;
  std::int64_t size = 0;
};

}  // namespace phasegrid::kernels
