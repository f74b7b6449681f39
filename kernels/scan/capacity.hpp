// How many sequences the rows of a walk have room for, and what the scan keeps of them on a device.
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

// The states before every kScanChunk-th step: [M][sequences][tiles of 32 channels][chunks][N rounded up to 8][32].
constexpr int kScanChunk = 8;
template <class Real>
std::int64_t scan_kept(const Scan<Real>& op, int models) {
  const std::int64_t tiles = (op.u.width + 31) / 32, chunks = (op.most_steps + kScanChunk - 1) / kScanChunk;
  return models * most_sequences(op) * tiles * chunks * ((op.B.columns + 7) / 8 * 8) * 32;
}

}  // namespace phasegrid::kernels
