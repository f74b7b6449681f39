#include "kernels/operations.hpp"

#include <stdexcept>
#include <string>
#if defined(PHASEGRID_X86)
#include <xmmintrin.h>
#endif

#include "kernels/device/backend.hpp"

namespace phasegrid::kernels {

#define PHASEGRID_TABLES(isa)                              \
  const Operations<float>& operations_float_##isa();       \
  const Operations<double>& operations_double_##isa();
PHASEGRID_TABLES(portable)
#if defined(PHASEGRID_X86)
PHASEGRID_TABLES(avx2)
PHASEGRID_TABLES(avx512)
#endif

std::vector<std::string_view> cpu_kinds() {
  std::vector<std::string_view> kinds{"cpu-portable"};
#if defined(PHASEGRID_X86)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) kinds.push_back("cpu-avx2");
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd"))
    kinds.push_back("cpu-avx512");
#endif
  return kinds;
}

namespace {
void require(std::string_view kind) {
  for (const auto known : cpu_kinds())
    if (known == kind) return;
  throw std::invalid_argument("this machine cannot run device kind '" + std::string(kind) + "'");
}
}  // namespace

template <>
const Operations<float>& operations<float>(std::string_view kind) {
  if (const Operations<float>* on_device = cuda_operations(kind)) return *on_device;
  require(kind);
#if defined(PHASEGRID_X86)
  if (kind == "cpu-avx2") return operations_float_avx2();
  if (kind == "cpu-avx512") return operations_float_avx512();
#endif
  return operations_float_portable();
}

template <>
const Operations<double>& operations<double>(std::string_view kind) {
  require(kind);
#if defined(PHASEGRID_X86)
  if (kind == "cpu-avx2") return operations_double_avx2();
  if (kind == "cpu-avx512") return operations_double_avx512();
#endif
  return operations_double_portable();
}

void flush_denormals() {
#if defined(PHASEGRID_X86)
  _mm_setcsr(_mm_getcsr() | 0x8040);  // flush-to-zero, denormals-are-zero
#endif
}

}  // namespace phasegrid::kernels
