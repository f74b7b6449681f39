#include "kernels/arena.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <new>

namespace phasegrid::kernels {

Arena::~Arena() {
  for (const auto& [p, bytes] : chunks_) munmap(p, bytes);
}

void* Arena::allocate(std::size_t bytes) {
  constexpr std::size_t kChunk = std::size_t{1} << 20, kAlign = 128;
  bytes = (std::max<std::size_t>(bytes, 1) + kAlign - 1) / kAlign * kAlign;
  if (bytes > left_) {
    const std::size_t size = std::max(bytes, kChunk);
    void* p = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) throw std::bad_alloc();
    chunks_.emplace_back(p, size);
    next_ = static_cast<char*>(p), left_ = size;
  }
  void* result = next_;
  next_ += bytes, left_ -= bytes, bytes_ += bytes;
  return result;
}

}  // namespace phasegrid::kernels
