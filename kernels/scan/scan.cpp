#include "kernels/scan/scan.hpp"

namespace phasegrid::kernels {

namespace {
constexpr std::int64_t kTile = 16 * 8;   // the widest vectors and blocks, whatever the machine
std::int64_t block_of(int N) { return static_cast<std::int64_t>(N + 7) / 8 * 8; }
}  // namespace

std::int64_t scan_thread_scratch(int D, int N, int most_steps, int most_outputs) {
  const std::int64_t states = block_of(N), channels = padded(D);
  const std::int64_t sequence = (2 * most_steps + 1) * kTile + (2 * most_steps + most_outputs) * kTile;  // a, h; partial dB, d delta, dC
  return sequence + states * channels + 2 * states * kMostShared * 16 + 2 * kMostShared * channels;     // dA; shared dB, d delta; d(f u), d delta
}

std::int64_t scan_scratch(int D, int N, std::int64_t rows, int most_steps, int most_outputs) {
  const std::int64_t states = block_of(N), channels = padded(D);
  const std::int64_t tables = 3 * states * channels + states * channels * kMostShared * kPowers * 3;   // A, A2, dA; runs
  return tables + 2 * states * kMostShared * 16 + 2 * rows * channels   // shared dB, d delta; d(f u), d delta
         + scan_thread_scratch(D, N, most_steps, most_outputs);
}

}  // namespace phasegrid::kernels
