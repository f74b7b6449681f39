// How a device offers an operation: a function forward and a function backward, found by the type of their argument.
#pragma once

namespace phasegrid::kernels {

template <class Operation>
struct Functions {
  void (*forward)(const Operation&);
  void (*backward)(const Operation&);
};

}  // namespace phasegrid::kernels

// At the end of a cpu.cpp: the two functions, in both precisions.
#define PHASEGRID_OPERATION(Name)                     \
  template void forward(const Name<float>&);          \
  template void backward(const Name<float>&);         \
  template void forward(const Name<double>&);         \
  template void backward(const Name<double>&);
