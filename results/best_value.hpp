// reduce = "max": by what a value of the reduced axes is judged, for all its seeds together.
#pragma once
#include <optional>
#include <span>

#include "sweeps/cell.hpp"

namespace phasegrid::results {

constexpr const char* kBestValueRule =
    "chosen by the mean validation accuracy over all seeds; a seed without one (diverged, failed) counts as 0, or as the "
    "lowest seed of all values compared where that is negative (R2), a value with a pending seed is not yet a candidate, "
    "of equals the first listed wins";

// The validation accuracies of one value of the reduced axes.
struct Validation {
  double sum = 0, lowest = 0;            // of the seeds that have one; lowest: at most 0
  std::size_t without = 0, seeds = 0;
};

// Of one cell for each seed (null: nothing is known); none when a seed is pending or no seed is done.
std::optional<Validation> validation_of(std::span<const sweeps::CellResult* const> seeds);

// The place of the best among the values that are candidates; none where there is none.
std::optional<std::size_t> best_of(std::span<const std::optional<Validation>> values);

}  // namespace phasegrid::results
