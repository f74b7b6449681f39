#include "kernels/scan/scan.hpp"

namespace phasegrid::kernels {

// Sized for the widest vectors and blocks, whatever the machine: 16 lanes x 8 states.
std::int64_t scan_scratch(int D, int N, std::int64_t rows, int most_steps, int most_outputs) {
  constexpr std::int64_t kTile = 16 * 8;
  const std::int64_t states = (N + 7) / 8 * 8, channels = padded(D);
  const std::int64_t tables = 3 * states * channels + states * channels * kMostShared * kPowers * 3;   // A, A2, dA; runs
  const std::int64_t sequence = (2 * most_steps + 1) * kTile + (2 * most_steps + most_outputs) * kTile;  // a, h; partial dB, d delta, dC
  return tables + sequence + 2 * states * kMostShared * 16 + 2 * rows * channels;  // shared dB, d delta; d(f u), d delta
}

}  // namespace phasegrid::kernels
