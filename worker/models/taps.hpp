// Tables of a recorded network that diagnostics look at, by layer and name:
//
//   e      block input (input rows, d); at layer = layers, what the last block puts out (outputs, d)
//   n      the same after the norm, as the mixer sees it (input rows, d)
//   u, y   the mixer's input (windows, D) and output (outputs, D)
//   sorted_u, sorted_y   the same in the order of `reorder` (windows, D), if there is one
//   W_B, W_C      what makes B and C of u (D, N) where that is no parameter by itself
//   delta, B, C   what the mixer makes of its input, if anything; rows and columns are the mixer's
//
// They are on the tape anyway: naming them costs nothing.
#pragma once
#include <map>
#include <string>
#include <utility>

#include "kernels/rows.hpp"

namespace phasegrid::worker {

template <class Real>
struct Taps {
  std::map<std::pair<int, std::string>, kernels::Rows<Real>> rows;
  std::map<std::pair<int, std::string>, kernels::Parameter<Real>> weights;
};

}  // namespace phasegrid::worker
