// reduce = "max": by what a value of the reduced axes is judged, for all its seeds together.
#pragma once
#include <optional>
#include <span>

#include "sweeps/cell.hpp"

namespace phasegrid::results {

constexpr const char* kBestValueRule =
    "chosen by the mean validation accuracy over all seeds; a seed without one (diverged, failed) counts as 0, "
    "a value with a pending seed is not yet a candidate, of equals the first listed wins";

// The mean validation accuracy of one cell for each seed (null: nothing is known); none when a seed is pending or no
// seed is done.
std::optional<double> mean_validation(std::span<const sweeps::CellResult* const> seeds);

}  // namespace phasegrid::results
