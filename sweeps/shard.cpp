#include "sweeps/shard.hpp"

#include <charconv>

#include "sweeps/error.hpp"

namespace phasegrid::sweeps {
namespace {

constexpr std::uint64_t kMostShards = 1'000'000;

// The finaliser of splitmix64.
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

}  // namespace

bool Shard::has(std::uint64_t cell) const {
  const std::uint64_t block = cell / of, place = cell % of;
  return (place + mix(block + 1) % of) % of == number - 1;
}

std::string to_text(const Shard& shard) { return std::to_string(shard.number) + "/" + std::to_string(shard.of); }

Shard shard_from_text(const std::string& text) {
  Shard shard;
  const char *begin = text.data(), *end = begin + text.size();
  const auto first = std::from_chars(begin, end, shard.number);
  const bool slash = first.ec == std::errc() && first.ptr != end && *first.ptr == '/';
  const auto second = slash ? std::from_chars(first.ptr + 1, end, shard.of) : first;
  if (!slash || second.ec != std::errc() || second.ptr != end || shard.number < 1 || shard.number > shard.of ||
      shard.of > kMostShards)
    throw SweepError("--shard " + text + ": expected NUMBER/COUNT, such as 1/4 to 4/4 for four shards");
  return shard;
}

}  // namespace phasegrid::sweeps
