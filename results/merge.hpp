// Joins run folders of one sweep, such as those of its shards.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "sweeps/grid.hpp"

namespace phasegrid::results {

struct Merged {
  struct Source {
    std::filesystem::path folder;
    std::uint64_t results = 0, taken = 0, same = 0;   // `same`: had been there already, with the same bits
  };
  std::vector<Source> sources;
  std::vector<std::string> warnings;        // damage in the sources
  std::vector<std::string> conflicts;       // one cell, one origin, different bits: the first result is kept
  std::uint64_t differ_by_origin = 0;       // one cell, two origins, different bits: as it must be; the first is kept
  std::uint64_t results = 0;                // in the joint folder
};

// `to` is made, or holds the same sweep already: merging again changes nothing. The sources are left as they are. Throws
// RunError: of another sweep (says what differs), in use, of another numerics version or device kind unless accept_mixed.
Merged merge_runs(const std::vector<std::filesystem::path>& from, const std::filesystem::path& to,
                  const sweeps::Grid& grid, bool accept_mixed);

}  // namespace phasegrid::results
