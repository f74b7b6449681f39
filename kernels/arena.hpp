// Memory that is given out piece by piece and returned all at once: what a network needs is known before its first step,
// and nothing is allocated after that.
#pragma once
#include <cstddef>
#include <utility>
#include <vector>

namespace phasegrid::kernels {

class Arena {
 public:
  Arena() = default;
  Arena(Arena&& other) noexcept { *this = std::move(other); }
  Arena& operator=(Arena&& other) noexcept {
    std::swap(chunks_, other.chunks_), std::swap(left_, other.left_), std::swap(next_, other.next_), std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Arena();

  // Zeroed, aligned to 128 bytes. Pages are taken from the system when first touched. Throws std::bad_alloc.
  void* allocate(std::size_t bytes);
  template <class T>
  T* allocate_array(std::size_t n) { return static_cast<T*>(allocate(n * sizeof(T))); }
  std::size_t bytes() const { return bytes_; }

 private:
  std::vector<std::pair<void*, std::size_t>> chunks_;
  char* next_ = nullptr;
  std::size_t left_ = 0, bytes_ = 0;
};

}  // namespace phasegrid::kernels
