#include "worker/diagnostics/decay.hpp"

#include <algorithm>
#include <cmath>

namespace phasegrid::worker {
namespace {

// |C| of each state of a channel, averaged over the positions that are read.
std::vector<double> read_weights(const Recurrence& r, int c, const std::vector<int>& read) {
  std::vector<double> weights(static_cast<std::size_t>(r.N));
  const int first = r.group_of[static_cast<std::size_t>(c)] * r.N;
  for (int n = 0; n < r.N; ++n) {
    for (const int t : read) {
      const Complex C = (r.C ? r.C(t, first + n) : 0.0) + (r.C_own ? r.C_own(c, n) : 0.0);
      weights[static_cast<std::size_t>(n)] += std::abs(C) / static_cast<double>(read.size());
    }
  }
  return weights;
}

}  // namespace

int decay_bin(const DecayScale& scale, double value) {
  const double place = (value - scale.least) / (scale.most - scale.least) * kDecayBins;
  return place >= kDecayBins ? kDecayBins - 1 : place > 0 ? static_cast<int>(place) : 0;
}

double decay_bin_middle(const DecayScale& scale, int bin) {
  return scale.least + (bin + 0.5) * (scale.most - scale.least) / kDecayBins;
}

std::array<double, 3> decay_values(double rate) {
  return {std::exp(-rate), std::log10(-std::expm1(-rate)), -rate / std::log(10.0)};
}

DecayHistograms::DecayHistograms(int roles, int channels, bool by_channel) : roles_(roles), keep_channels_(by_channel) {
  for (int k = 0; k < 3; ++k) {
    const std::size_t i = static_cast<std::size_t>(k);
    counts_[i] = read_[i] = Table<double>(roles, kDecayBins);
    if (by_channel) channels_[i] = Table<double>(channels * roles, kDecayBins);
  }
}

void DecayHistograms::add(const Recurrence& r, const std::vector<int>& role, const std::vector<int>& read,
                          const std::vector<double>& out_norm) {
  for (int c = 0; c < r.D; ++c) {
    const std::vector<double> weights = read_weights(r, c, read);
    for (int t = 0; t < r.T; ++t)
      for (int n = 0; n < r.N; ++n) {
        const std::array<double, 3> values = decay_values(-r.step(t, c, n) * r.A(c, n).real());
        for (std::size_t k = 0; k < 3; ++k) {
          const int bin = decay_bin(kDecayScales[k], values[k]), row = role[static_cast<std::size_t>(t)];
          counts_[k](row, bin) += 1;
          read_[k](row, bin) += weights[static_cast<std::size_t>(n)] * out_norm[static_cast<std::size_t>(c)];
          if (keep_channels_) channels_[k](c * roles_ + row, bin) += 1;
        }
      }
  }
}

}  // namespace phasegrid::worker
