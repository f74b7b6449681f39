// Success as a step along a logarithmic axis, with a chance that a seed does the opposite:
//
//   P(success at x) = lapse + (1 - 2 lapse) sigmoid((x - m) / s)            x, m, s in octaves            (1)
//   l(m, s) = sum over x of  k log P + (n - k) log(1 - P)                   k successes of n seeds        (2)
//   l(m) = max over s of l(m, s)      interval: {m : 2 (max l - l(m)) <= cut}                             (3)
//
// For data that were chosen by what was seen before (boundary searches): few seeds at each value, most of them near the
// transition, where one lapse far away must not move the step. (1) to (3) are computed on a lattice of hypotheses (m, s).
#pragma once
#include <cstddef>
#include <span>
#include <vector>

namespace phasegrid::results::analysis {

constexpr double kLapse = 0.02;
constexpr double kFlattestSearched = 0.8;  // octaves
// Calibrated on simulated boundary searches (docs/analysis.md, section 8): 3.84 would be chi squared's.
constexpr double kSearchCut = 6.5;

struct Trials {
  int made = 0, successes = 0;
};

struct LapsingEstimate {
  double at = 0, low = 0, high = 0;  // octaves; low -infinity, high infinity: open
  double slope = 0;                  // octaves, of the likeliest step
  bool monotone = true;              // nowhere do most seeds contradict it by half an octave or more
};

class LapsingSteps {
 public:
  explicit LapsingSteps(std::vector<double> at, double lapse = kLapse);  // ascending positions, in octaves

  const std::vector<double>& at() const { return at_; }
  const std::vector<double>& m() const { return m_; }
  const std::vector<double>& slopes() const { return slopes_; }
  std::size_t hypotheses() const { return m_.size() * slopes_.size(); }  // [m][slope]
  double chance(std::size_t value, std::size_t hypothesis) const {       // (1)
    return chance_[value * hypotheses() + hypothesis];
  }
  // Adds the outcomes at one value to a log-likelihood over all hypotheses, (2).
  void observe(std::vector<double>& log_likelihood, std::size_t value, const Trials& trials) const;
  // Summed in the order of the values: the same bits in whatever order outcomes came.
  std::vector<double> log_likelihood(std::span<const Trials> by_value) const;
  // (3). Open where it reaches the least or the greatest value that can be tested.
  LapsingEstimate estimate(std::span<const Trials> by_value, double cut, double least, double greatest) const;

 private:
  std::vector<double> at_, m_, slopes_;
  std::vector<double> chance_, log_success_, log_failure_;  // [value][m][slope]
};

}  // namespace phasegrid::results::analysis
