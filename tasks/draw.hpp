// Draws without replacement, in integers only: the same on every machine.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/random.hpp"

namespace phasegrid::tasks {

// `out.size()` distinct numbers of 0 .. n - 1 in random order, every ordered choice equally likely. O(out.size()) work.
void draw_distinct(kernels::Random& random, std::uint32_t n, std::span<std::uint32_t> out);

// The i-th of the numbers 0 .. n - 1 in an order that the key shuffles, without storing it: a Feistel network on the smallest
// square of a power of two that holds n, walked until it leads below n (four steps on average at most). n < 2^62.
std::uint64_t shuffled(std::uint64_t key, std::uint64_t n, std::uint64_t i);

// Successive sampling: draw a number with probability proportional to its weight, take it out, renormalise, go on.
// This is the law of numpy's `choice(n, size, replace=False, p=weights)`, in the order of drawing.
//
// Weights become integers with a sum of about 2^31 (at least 1 each), kept in a binary tree of sums: node i has
// children 2i and 2i + 1, leaves start at `leaves_`. A draw walks down, and back up to take the leaf out.
class Urn {
 public:
  explicit Urn(std::span<const double> weights);  // positive, fewer than 2^24
  std::size_t size() const { return size_; }
  void draw(kernels::Random& random, std::span<std::uint32_t> out) const;  // out.size() <= size()

 private:
  std::size_t size_, leaves_;
  std::vector<std::uint32_t> sums_;  // [2 leaves_]
};

}  // namespace phasegrid::tasks
