#include "tasks/draw.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <numeric>

namespace phasegrid::tasks {

std::uint32_t* zero_cells(std::size_t n) {
  thread_local std::vector<std::uint32_t> cells;
  if (cells.size() < n) cells.resize(n);
  return cells.data();
}

void draw_distinct(kernels::Random& random, std::uint32_t n, std::span<std::uint32_t> out) {
  assert(out.size() <= n && "cannot draw more distinct numbers than there are");
  draw_distinct(random, n, static_cast<std::uint32_t>(out.size()), out.data(), zero_cells(n));
}

std::uint64_t shuffled(std::uint64_t key, std::uint64_t n, std::uint64_t i) {
  assert(i < n);
  constexpr int kRounds = 6;
  const int half = std::max(1, (static_cast<int>(std::bit_width(n - 1)) + 1) / 2);  // bits
  const std::uint64_t mask = (std::uint64_t{1} << half) - 1;
  do {
    std::uint64_t left = i >> half, right = i & mask;
    for (std::uint32_t round = 0; round < kRounds; ++round) {
      const std::uint64_t mixed = left ^ (kernels::Random(key, round, right).bits() & mask);
      left = right, right = mixed;
    }
    i = left << half | right;
  } while (i >= n);
  return i;
}

Urn::Urn(std::span<const double> weights)
    : size_(weights.size()), leaves_(std::bit_ceil(weights.size())), sums_(2 * leaves_) {
  assert(size_ > 0 && size_ < (1u << 24));
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  // Rounding and "at least 1" add at most 1 per weight: the sum stays below 2^31.
  const double scale = (0x1p31 - static_cast<double>(size_)) / total;
  for (std::size_t i = 0; i < size_; ++i) {
    sums_[leaves_ + i] = static_cast<std::uint32_t>(std::max(1.0, std::floor(weights[i] * scale)));
  }
  for (std::size_t node = leaves_ - 1; node > 0; --node) sums_[node] = sums_[2 * node] + sums_[2 * node + 1];
}

void Urn::draw(kernels::Random& random, std::span<std::uint32_t> out) const {
  assert(out.size() <= size_ && "cannot draw more numbers than the urn holds");
  const UrnTable urn = table();
  urn.draw(random, static_cast<std::uint32_t>(out.size()), out.data(), zero_cells(urn.cells()));
}

}  // namespace phasegrid::tasks
