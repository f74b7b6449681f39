// Draws without replacement, in integers only: the same on every machine, host or device.
//
// Cells are the working memory of a draw, 32-bit numbers: std::uint32_t*, or anything that is indexed and advanced like it.
// Those that the functions here ask for are zero before a draw and after it, so that nobody clears them in between.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/random.hpp"

namespace phasegrid::tasks {

// `count` distinct numbers of 0 .. n - 1 in random order, every ordered choice equally likely; n cells. O(count) work.
//
// Fisher-Yates, of which only the first places are shuffled. moved[i] ^ i is the number at place i: what was swapped is put
// back afterwards.
template <class Out, class Cells>
HD void draw_distinct(kernels::Random& random, std::uint32_t n, std::uint32_t count, Out out, Cells moved) {
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t j = i + random.below(n - i), here = moved[i] ^ i, there = moved[j] ^ j;
    moved[j] = here ^ j, moved[i] = there ^ i, out[i] = there;
  }
  // A place beyond the first ones is touched by drawing the number that lives there, so these are all of them:
  for (std::uint32_t i = 0; i < count; ++i) moved[out[i]] = 0, moved[i] = 0;
}
void draw_distinct(kernels::Random& random, std::uint32_t n, std::span<std::uint32_t> out);

// The i-th of the numbers 0 .. n - 1 in an order that the key shuffles, without storing it: a Feistel network on the smallest
// square of a power of two that holds n, walked until it leads below n (four steps on average at most). n < 2^62.
std::uint64_t shuffled(std::uint64_t key, std::uint64_t n, std::uint64_t i);

// Successive sampling: draw a number with probability proportional to its weight, take it out, renormalise, go on.
// This is the law of numpy's `choice(n, size, replace=False, p=weights)`, in the order of drawing.
//
// Weights become integers with a sum of about 2^31 (at least 1 each), kept in a binary tree of sums: node i has
// children 2i and 2i + 1, leaves start at `leaves`. A draw walks down, and back up to take the leaf out.
struct UrnTable {
  const std::uint32_t* sums;  // [2 leaves]
  std::uint32_t leaves;

  HD std::uint32_t cells() const { return 2 * leaves; }
  // removed[i]: what has been taken out below node i.
  template <class Out, class Cells>
  HD void draw(kernels::Random& random, std::uint32_t count, Out out, Cells removed) const {
    for (std::uint32_t i = 0; i < count; ++i) {
      std::uint32_t rest = random.below(sums[1] - removed[1]), node = 1;
      while (node < leaves) {
        node *= 2;
        const std::uint32_t left = sums[node] - removed[node], right = rest >= left;
        rest -= right * left, node += right;
      }
      out[i] = node - leaves;
      for (const std::uint32_t weight = sums[node]; node > 0; node /= 2) removed[node] += weight;
    }
    for (std::uint32_t i = 0; i < count; ++i)
      for (std::uint32_t node = out[i] + leaves; node > 0; node /= 2) removed[node] = 0;
  }
};

class Urn {
 public:
  explicit Urn(std::span<const double> weights);  // positive, fewer than 2^24
  std::size_t size() const { return size_; }
  UrnTable table() const { return {sums_.data(), static_cast<std::uint32_t>(leaves_)}; }
  void draw(kernels::Random& random, std::span<std::uint32_t> out) const;  // out.size() <= size()

 private:
  std::size_t size_, leaves_;
  std::vector<std::uint32_t> sums_;  // [2 leaves_]
};

// So many cells of this thread.
std::uint32_t* zero_cells(std::size_t n);

}  // namespace phasegrid::tasks
