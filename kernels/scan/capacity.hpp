// How many sequences the rows of a walk have room for.
#pragma once
#include "kernels/scan/scan.hpp"

namespace phasegrid::kernels {

template <class Real>
std::int64_t most_sequences(const Rows<Real>& u, std::int64_t most_steps) {
  const std::int64_t rows = u.stride / u.width;
  return most_steps > 0 ? (rows + most_steps - 1) / most_steps : rows;
}
template <class Real>
std::int64_t most_sequences(const Scan<Real>& op) {
  return most_sequences(op.u, op.most_steps);
}

}  // namespace phasegrid::kernels
