#include "results/analysis/lapsing_step.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace phasegrid::results::analysis {
namespace {

constexpr double kStep = 0.05, kBeyond = 1;  // octaves: between hypotheses, and beyond the first and the last value
constexpr double kInfinite = std::numeric_limits<double>::infinity();
constexpr double kPlateau = 1e-3;  // hypotheses that differ by less are equally likely: their middle is the estimate

}  // namespace

LapsingSteps::LapsingSteps(std::vector<double> at, double lapse)
    : at_(std::move(at)), slopes_({0.05, 0.1, 0.2, 0.4, kFlattestSearched}) {
  const double first = at_.front() - kBeyond, last = at_.back() + kBeyond;
  for (int i = 0; first + i * kStep <= last; ++i) m_.push_back(first + i * kStep);
  for (const double x : at_)
    for (const double m : m_)
      for (const double s : slopes_) chance_.push_back(lapse + (1 - 2 * lapse) / (1 + std::exp(-(x - m) / s)));  // (1)
  for (const double p : chance_) log_success_.push_back(std::log(p)), log_failure_.push_back(std::log(1 - p));
}

void LapsingSteps::observe(std::vector<double>& log_likelihood, std::size_t value, const Trials& trials) const {
  if (trials.made == 0) return;
  const double successes = trials.successes, failures = trials.made - trials.successes;
  const double *up = log_success_.data() + value * hypotheses(), *down = log_failure_.data() + value * hypotheses();
  for (std::size_t h = 0; h < hypotheses(); ++h) log_likelihood[h] += successes * up[h] + failures * down[h];
}

std::vector<double> LapsingSteps::log_likelihood(std::span<const Trials> by_value) const {
  std::vector<double> sum(hypotheses(), 0.0);
  for (std::size_t value = 0; value < at_.size(); ++value) observe(sum, value, by_value[value]);
  return sum;
}

LapsingEstimate LapsingSteps::estimate(std::span<const Trials> by_value, double cut, double least,
                                       double greatest) const {
  const std::vector<double> likelihood = log_likelihood(by_value);
  const auto best = std::ranges::max_element(likelihood);
  double first = kInfinite, last = -kInfinite;
  LapsingEstimate found{0, kInfinite, -kInfinite, 0, true};
  for (std::size_t i = 0; i < m_.size(); ++i) {
    const auto begin = likelihood.begin() + static_cast<std::ptrdiff_t>(i * slopes_.size());
    const double below = *best - *std::max_element(begin, begin + static_cast<std::ptrdiff_t>(slopes_.size()));
    if (below <= kPlateau) first = std::min(first, m_[i]), last = std::max(last, m_[i]);
    if (2 * below > cut) continue;
    found.low = std::min(found.low, m_[i] - kStep / 2), found.high = std::max(found.high, m_[i] + kStep / 2);
  }
  found.at = (first + last) / 2;
  found.slope = slopes_[static_cast<std::size_t>(best - likelihood.begin()) % slopes_.size()];
  for (std::size_t value = 0; value < at_.size(); ++value) {
    const Trials& trials = by_value[value];
    if (at_[value] >= found.high + 0.5 && 2 * trials.successes < trials.made) found.monotone = false;
    if (at_[value] <= found.low - 0.5 && 2 * trials.successes > trials.made) found.monotone = false;
  }
  if (found.low <= least) found.low = -kInfinite;
  if (found.high >= greatest) found.high = kInfinite;
  return found;
}

}  // namespace phasegrid::results::analysis
