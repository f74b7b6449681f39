#include "kernels/device/rehearsal.hpp"

#include <algorithm>
#include <stdexcept>

#include "kernels/device/backend.hpp"

namespace phasegrid::kernels {
namespace {
Rehearsal* current = nullptr;
constexpr std::size_t kFirst = std::size_t{1} << 44, kAlign = 256;  // where no program has memory
}  // namespace

Rehearsal::Rehearsal() : next_(kFirst) {
  if (current) throw std::logic_error("a rehearsal inside another");
  current = this;
}
Rehearsal::~Rehearsal() { current = nullptr; }

void Rehearsal::take(std::size_t bytes) {
  used_ += bytes;
  most_ = std::max(most_, used_);
}

void* Rehearsal::address(std::size_t bytes) {
  const std::size_t at = next_;
  next_ += (bytes + kAlign - 1) / kAlign * kAlign + kAlign;
  return reinterpret_cast<void*>(at);
}

Rehearsal* rehearsal() { return current; }
bool can_rehearse() { return cuda_table() != nullptr; }

}  // namespace phasegrid::kernels
