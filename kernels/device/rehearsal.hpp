// Device memory that some work would take, found by going through it without a device: what is allocated meanwhile has
// an address and a size but no memory, and nothing is launched, copied or waited for. Of a pack this counts every
// table, map and workspace, whatever the network; it needs no GPU and never asks for one.
#pragma once
#include <cstddef>

namespace phasegrid::kernels {

// From here to the end of the scope, for the whole process; any device kind that begins with "sm_" can be rehearsed.
// One at a time.
class Rehearsal {
 public:
  Rehearsal();
  ~Rehearsal();
  Rehearsal(const Rehearsal&) = delete;
  std::size_t most() const { return most_; }  // bytes at a time

  void take(std::size_t bytes);
  void give_back(std::size_t bytes) { used_ -= bytes; }
  void* address(std::size_t bytes);  // of nothing

 private:
  std::size_t used_ = 0, most_ = 0, next_;
};

Rehearsal* rehearsal();  // null: it is meant
bool can_rehearse();     // false: this program has no CUDA backend

}  // namespace phasegrid::kernels
