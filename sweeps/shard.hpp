// A share of a sweep's cells, for runs that share nothing but the sweep file: `--shard 2/4`.
//
// Each block of n neighbouring cells gives one cell to each of the n shards, in an order that changes from block to block
// by a hash of the block's number. So shards are disjoint, cover everything, differ by at most one cell in size, and
// follow no axis: with four widths and four shards each shard has all widths.
#pragma once
#include <cstdint>
#include <string>

namespace phasegrid::sweeps {

struct Shard {
  std::uint64_t number = 1, of = 1;  // 1 <= number <= of
  bool whole() const { return of == 1; }
  bool has(std::uint64_t cell) const;
  bool operator==(const Shard&) const = default;
};

std::string to_text(const Shard& shard);         // "2/4"
Shard shard_from_text(const std::string& text);  // throws SweepError

}  // namespace phasegrid::sweeps
