// Along which axis a sweep's transition is looked for.
#pragma once
#include <string>

#include "results/cube.hpp"

namespace phasegrid::results::analysis {

struct SearchedAxis {
  std::string key;      // "d"
  std::string why;      // "d varies"
  std::size_t dim = 0;  // of the cube
};

// [search] axis; else d; else N; else the only numeric axis of [model] or [task]. Throws RunError where there is none.
SearchedAxis choose_axis(const Cube& cube);

}  // namespace phasegrid::results::analysis
