// In place of cuda_on_cpu.hpp where the tests run on a GPU (the target gpu_test): what they ask of the stand-in, which
// a GPU does not have.
#pragma once
#include <cstddef>
#include <cstdint>

namespace cuda_on_cpu {

enum class Order { forward, reverse, random };
inline Order order = Order::forward;
inline std::size_t memory_limit = 0, most_used = 0;
inline std::size_t used_now() { return 0; }
inline std::uint64_t launches = 0, waits = 0;

}  // namespace cuda_on_cpu
