#include "sweeps/drawn_cells.hpp"

#include <algorithm>
#include <utility>

namespace phasegrid::sweeps {
namespace {

// Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014): the output of splitmix64.
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

}  // namespace

std::vector<std::uint64_t> drawn_cells(const Grid& grid) {
  const std::uint64_t key = mix(static_cast<std::uint64_t>(grid.search().seed) + 0x9e3779b97f4a7c15ull);
  const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(static_cast<std::uint64_t>(grid.search().n), grid.size()));
  std::vector<std::pair<std::uint64_t, std::uint64_t>> least;  // a heap of (number, cell): the greatest of them on top
  const std::uint64_t seeds = grid.axes().back().size();
  grid.visit_groups([&](std::uint64_t first, const Settings&, const std::string& reason) {
    if (!reason.empty()) return;
    for (std::uint64_t cell = first; cell < first + seeds; ++cell) {
      const std::pair drawn{mix(key ^ mix(cell + 1)), cell};
      if (least.size() == most && !(drawn < least.front())) continue;
      if (least.size() == most) std::ranges::pop_heap(least), least.pop_back();
      least.push_back(drawn);
      std::ranges::push_heap(least);
    }
  });
  std::vector<std::uint64_t> cells;
  for (const auto& [number, cell] : least) cells.push_back(cell);
  std::ranges::sort(cells);
  return cells;
}

}  // namespace phasegrid::sweeps
