#include "kernels/exercise/exercise.hpp"

#include "kernels/gemm.hpp"
#include "kernels/vec.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

void exercise(const Exercise& what) {
  for (int round = 0; round < what.rounds; ++round) {
    switch (what.kind) {
      case ExerciseKind::product:
        gemm<float>(256, 64, 64, what.a, 64, 1, what.b, 64, what.c, 64, false);
        break;
      case ExerciseKind::exponential:
        for (int i = 0; i < 4096; i += 4 * kLanes)
          unrolled<4>([&](auto j) PHASEGRID_LAMBDA { at(what.c + i + j * kLanes) = exp_lanes(at(what.a + i + j * kLanes)); });
        break;
      case ExerciseKind::stream:
        for (std::int64_t i = 0; i < what.n; i += kLanes) at(what.a + i) += at(what.b + i);
        break;
    }
    asm volatile("" ::: "memory");
  }
}

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
