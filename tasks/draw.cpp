#include "tasks/draw.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <numeric>

namespace phasegrid::tasks {

// Fisher-Yates on 0 .. n - 1, of which only the first places are shuffled; what was swapped is put back afterwards, so
// that the next call needs no fresh array.
void draw_distinct(kernels::Random& random, std::uint32_t n, std::span<std::uint32_t> out) {
  assert(out.size() <= n && "cannot draw more distinct numbers than there are");
  thread_local std::vector<std::uint32_t> identity;
  if (identity.size() < n) {
    const std::size_t old = identity.size();
    identity.resize(n);
    std::iota(identity.begin() + old, identity.end(), static_cast<std::uint32_t>(old));
  }
  const auto count = static_cast<std::uint32_t>(out.size());
  std::uint32_t* at = identity.data();
  for (std::uint32_t i = 0; i < count; ++i) std::swap(at[i], at[i + random.below(n - i)]), out[i] = at[i];
  // A place beyond the first ones is touched by drawing the number that lives there, so these are all of them:
  for (std::uint32_t i = 0; i < count; ++i) at[out[i]] = out[i], at[i] = i;
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
  thread_local std::vector<std::uint32_t> sums;
  sums.assign(sums_.begin(), sums_.end());
  for (std::uint32_t& drawn : out) {
    std::uint32_t rest = random.below(sums[1]);
    std::size_t node = 1;
    while (node < leaves_) {
      node *= 2;
      const std::uint32_t left = sums[node], right = rest >= left;
      rest -= right * left, node += right;
    }
    drawn = static_cast<std::uint32_t>(node - leaves_);
    for (const std::uint32_t weight = sums[node]; node > 0; node /= 2) sums[node] -= weight;
  }
}

}  // namespace phasegrid::tasks
