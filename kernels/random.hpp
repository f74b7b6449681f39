// Counter-based random numbers: Philox 4x32-10 (Salmon et al. 2011), from Random123.
//
// A generator is a pure function of (key, stream, index): no state is shared, nothing depends on the order of work, and a GPU
// thread draws the same numbers as a CPU. key: 64 bits, which data or model; stream: 32 bits, which part of it (training,
// validation ...); index: 64 bits, which sequence or tensor. Counter words: (block, stream, index low, index high).
#pragma once
#include <Random123/philox.h>

#include <cmath>
#include <cstdint>
#include <string_view>

#include "kernels/hd.hpp"

namespace phasegrid::kernels {

class Random {
 public:
  HD Random(std::uint64_t key, std::uint32_t stream, std::uint64_t index)
      : key_{{static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)}},
        counter_{{0, stream, static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32)}} {}

  // What this generator is a function of, for those who draw from others beside it.
  HD std::uint64_t key() const { return static_cast<std::uint64_t>(key_[1]) << 32 | key_[0]; }
  HD std::uint32_t stream() const { return counter_[1]; }
  HD std::uint64_t index() const { return static_cast<std::uint64_t>(counter_[3]) << 32 | counter_[2]; }

  HD std::uint32_t bits() {
    if (left_ == 0) block_ = r123::Philox4x32{}(counter_, key_), ++counter_[0], left_ = 4;
    --left_;   // without an index that varies, a GPU keeps the block in registers
    return left_ == 3 ? block_[0] : left_ == 2 ? block_[1] : left_ == 1 ? block_[2] : block_[3];
  }
  // Uniform on 0 .. n - 1, n <= 2^31. Lemire's multiplication; the bias is below n / 2^32 without his rejection, so reject.
  HD std::uint32_t below(std::uint32_t n) {
    std::uint64_t product = static_cast<std::uint64_t>(bits()) * n;
    if (static_cast<std::uint32_t>(product) < n) {
      const std::uint32_t least = (0u - n) % n;
      while (static_cast<std::uint32_t>(product) < least) product = static_cast<std::uint64_t>(bits()) * n;
    }
    return static_cast<std::uint32_t>(product >> 32);
  }
  HD double uniform() {  // [0, 1), 53 bits
    const std::uint64_t high = bits() >> 5, low = bits() >> 6;
    return static_cast<double>(high << 26 | low) * 0x1p-53;
  }
  HD double uniform(double low, double high) { return low + (high - low) * uniform(); }
  HD double normal() {  // Box-Muller, one of the pair
    const double u = 1 - uniform(), v = uniform();
    return std::sqrt(-2 * std::log(u)) * std::cos(6.283185307179586 * v);
  }

 private:
  r123::Philox4x32::key_type key_;
  r123::Philox4x32::ctr_type counter_, block_{};
  int left_ = 0;
};

// 64-bit FNV-1a with a final mix: keys of streams from canonical text. Fixed for ever: results depend on it.
constexpr std::uint64_t hash_text(std::string_view text, std::uint64_t seed = 0) {
  std::uint64_t h = 0xcbf29ce484222325ull ^ (seed * 0x9E3779B97F4A7C15ull);
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  h = (h ^ h >> 30) * 0xBF58476D1CE4E5B9ull;
  h = (h ^ h >> 27) * 0x94D049BB133111EBull;
  return h ^ h >> 31;
}

}  // namespace phasegrid::kernels
