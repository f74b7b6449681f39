// Histograms of decay factors a_t[c,n] = |e^{delta_t A}| over positions, channels and states, by the role of the
// position (docs/theory.md, 4.2). Three scales of 64 equal bins show what one cannot:
//
//   a on [0, 1]        log10(1 - a) on [-16, 0]: what is kept        log10 a on [-40, 0]: what is forgotten
//
// Values beyond an end count in its bin. Each is counted plainly, and weighted by what is read of its state,
// mean over read positions of |C[c,n]| times |W_out[.,c]|, so that channels without use do not hide the others.
#pragma once
#include <array>
#include <string>
#include <vector>

#include "worker/diagnostics/recurrence.hpp"

namespace phasegrid::worker {

constexpr int kDecayBins = 64;

struct DecayScale {
  const char* name;       // of the dimension
  const char* long_name;  // of its labels, the middles of its bins
  double least, most;
};
constexpr std::array<DecayScale, 3> kDecayScales = {{{"a", "decay factor", 0, 1},
                                                     {"log10_one_minus_a", "log10(1 - decay factor)", -16, 0},
                                                     {"log10_a", "log10(decay factor)", -40, 0}}};
int decay_bin(const DecayScale& scale, double value);
double decay_bin_middle(const DecayScale& scale, int bin);
// The three values of a decay factor e^{-rate}: a, log10(1 - a), log10 a; exact also where a rounds to 0 or 1.
std::array<double, 3> decay_values(double rate);

class DecayHistograms {
 public:
  // Histograms of each channel are kept only if asked for.
  DecayHistograms(int roles, int channels, bool by_channel);

  // role: of each position; read: the positions whose output is read; out_norm: |W_out[.,c]|.
  void add(const Recurrence& r, const std::vector<int>& role, const std::vector<int>& read,
           const std::vector<double>& out_norm);

  // (roles, bins) of a scale; (channels roles, bins) by channel.
  const Table<double>& counts(int scale) const { return counts_[static_cast<std::size_t>(scale)]; }
  const Table<double>& read_out(int scale) const { return read_[static_cast<std::size_t>(scale)]; }
  const Table<double>& by_channel(int scale) const { return channels_[static_cast<std::size_t>(scale)]; }

 private:
  int roles_;
  bool keep_channels_;
  std::array<Table<double>, 3> counts_, read_, channels_;
};

}  // namespace phasegrid::worker
