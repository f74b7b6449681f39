// How many sequences the rows of a scan have room for.
#pragma once
#include "kernels/scan/scan.hpp"

namespace phasegrid::kernels {

template <class Real>
std::int64_t most_sequences(const Scan<Real>& op) {
  const std::int64_t rows = op.u.stride / op.u.width;
  return op.most_steps > 0 ? (rows + op.most_steps - 1) / op.most_steps : rows;
}

}  // namespace phasegrid::kernels
