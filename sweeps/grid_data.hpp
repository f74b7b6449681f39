// What a Grid holds: the draft it was parsed from, its dimensions, and one walker for single cells.
#pragma once
#include <map>
#include <mutex>

#include "sweeps/grid.hpp"
#include "sweeps/walker.hpp"

namespace phasegrid::sweeps {

struct Grid::Data {
  Draft draft;
  std::vector<Axis> axes;    // of the draft, and the seed
  std::uint64_t groups = 1;  // cells without counting seeds
  std::uint64_t cells = 1;
  std::string canonical;
  mutable std::mutex mutex;  // guards what follows: single cells are asked for from several threads
  mutable std::unique_ptr<Walker> walker;
  mutable std::map<std::string, std::vector<std::size_t>, std::less<>> varies;
};

// Moves to the next point of the first `count` axes, the last of them fastest; false after the last point (grid.cpp).
bool advance(const std::vector<Axis>& axes, std::size_t count, std::vector<std::size_t>& coordinates);

// Throws SweepError where no cell can exist, none reads a key that is given, or none can have a length of [eval] T
// (grid_checks.cpp).
void check_cells(const Grid::Data& data);

std::string canonical_text(const Draft& draft);  // canonical.cpp
std::string plain_text(const Value& value);      // as in labels: without quotes

}  // namespace phasegrid::sweeps
