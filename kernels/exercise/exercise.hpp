// Loops that only heat the machine: what a core can do at most, for `bench train` to compare with.
#pragma once
#include <cstdint>

namespace phasegrid::kernels {

enum class ExerciseKind {
  product,       // C (256, 64) = A (256, 64) B (64, 64): 2^21 operations a round
  exponential,   // of 4096 numbers in the first-level cache
  stream         // a[i] += b[i] over n numbers: three moves a number
};

struct Exercise {
  ExerciseKind kind;
  float *a, *b, *c;    // aligned; at least 16384 numbers each, or n
  std::int64_t n;      // stream: numbers, a multiple of 64
  int rounds;
};

}  // namespace phasegrid::kernels
