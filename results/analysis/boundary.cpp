#include "results/analysis/boundary.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace phasegrid::results::analysis {
namespace {

constexpr double kStep = 0.05, kBeyond = 1;  // octaves: between hypotheses, and beyond the first and the last value
constexpr double kGuessWidth = 1.5, kGuessTrust = 0.8;  // octaves; the rest of the prior is flat
constexpr double kInfinite = std::numeric_limits<double>::infinity();

double entropy(double p) { return p <= 0 || p >= 1 ? 0 : -p * std::log2(p) - (1 - p) * std::log2(1 - p); }

}  // namespace

BoundarySearch::BoundarySearch(std::vector<double> values, std::vector<double> costs, int seeds,
                               std::optional<double> guess, const BoundaryOptions& options)
    : options_(options),
      values_(std::move(values)),
      costs_(std::move(costs)),
      seeds_(seeds),
      slopes_({0.05, 0.1, 0.2, 0.4, 0.8}),
      asked_(values_.size()),
      told_(values_.size()),
      successes_(values_.size()) {
  const double first = std::log2(values_.front()) - kBeyond, last = std::log2(values_.back()) + kBeyond;
  for (int i = 0; first + i * kStep <= last; ++i) m_.push_back(first + i * kStep);
  log_likelihood_.assign(hypotheses(), 0.0);
  for (const double m : m_) {
    const double away = guess ? (m - *guess) / kGuessWidth : 0;
    const double near = std::exp(-away * away / 2) / (kGuessWidth * std::sqrt(2 * std::acos(-1)));
    const double prior = guess ? kGuessTrust * near + (1 - kGuessTrust) / (last - first) : 1;
    for (std::size_t s = 0; s < slopes_.size(); ++s) log_prior_.push_back(std::log(prior));
  }
  for (const double value : values_)
    for (const double m : m_)
      for (const double s : slopes_) {
        const double step = 1 / (1 + std::exp(-(std::log2(value) - m) / s));
        chance_.push_back(options_.lapse + (1 - 2 * options_.lapse) * step);  // (1)
      }
}

void BoundarySearch::observe(std::vector<double>& log_likelihood, std::size_t value, bool success) const {
  for (std::size_t h = 0; h < hypotheses(); ++h) {
    const double p = likelihood_of(value, h);
    log_likelihood[h] += std::log(success ? p : 1 - p);
  }
}

void BoundarySearch::tell(const Probe& probe, bool success) {
  ++told_[probe.value];
  successes_[probe.value] += success;
  observe(log_likelihood_, probe.value, success);
}

std::vector<double> BoundarySearch::weights(const std::vector<double>& log_likelihood) const {
  std::vector<double> weights(hypotheses());
  double greatest = -kInfinite, sum = 0;
  for (std::size_t h = 0; h < weights.size(); ++h) greatest = std::max(greatest, log_prior_[h] + log_likelihood[h]);
  for (std::size_t h = 0; h < weights.size(); ++h)
    sum += weights[h] = std::exp(log_prior_[h] + log_likelihood[h] - greatest);
  for (double& weight : weights) weight /= sum;
  return weights;
}

// The probe with the most information for its cost, if any is worth making.
std::optional<Probe> BoundarySearch::informative(const std::vector<double>& weights) const {
  std::optional<Probe> best;
  double most = 0;
  for (std::size_t value = 0; value < values_.size(); ++value) {
    if (asked_[value] >= seeds_) continue;
    double mean = 0, known = 0;
    for (std::size_t i = 0; i < m_.size(); ++i) {
      double weight = 0, chance = 0;
      for (std::size_t h = i * slopes_.size(); h < (i + 1) * slopes_.size(); ++h)
        weight += weights[h], chance += weights[h] * likelihood_of(value, h);
      mean += chance;
      if (weight > 0) known += weight * entropy(chance / weight);
    }
    const double information = entropy(mean) - known;  // (2)
    // Of equals, to within the rounding of any machine, the first.
    if (information < options_.least_information || information / costs_[value] <= most * (1 + 1e-9)) continue;
    most = information / costs_[value];
    best = Probe{value, asked_[value]};
  }
  return best;
}

// The nearest values an octave beyond the interval's ends, or the outermost ones, until enough seeds were seen there.
std::optional<Probe> BoundarySearch::sentinel() const {
  const BoundaryEstimate found = estimate();
  const auto missing = [&](auto is_beyond, std::size_t outermost, auto order) -> std::optional<Probe> {
    std::size_t nearest = outermost;
    int seen = 0;
    for (std::size_t i = 0; i < values_.size(); ++i) {
      const std::size_t value = order(i);
      if (!is_beyond(std::log2(values_[value]))) continue;
      nearest = value, seen += asked_[value];
    }
    if (seen >= options_.sentinels || asked_[nearest] >= std::min(seeds_, options_.sentinels)) return {};
    return Probe{nearest, asked_[nearest]};
  };
  const std::size_t last = values_.size() - 1;
  // `order` ends with the value that is nearest to the interval.
  if (std::isfinite(found.high))
    if (auto probe =
            missing([&](double x) { return x >= found.high + 1; }, last, [&](std::size_t i) { return last - i; }))
      return probe;
  if (std::isfinite(found.low))
    return missing([&](double x) { return x <= found.low - 1; }, 0, [](std::size_t i) { return i; });
  return {};
}

std::vector<Probe> BoundarySearch::next_round() {
  std::vector<Probe> round;
  std::vector<double> believed = log_likelihood_;
  const auto ask = [&](const Probe& probe) {
    round.push_back(probe);
    ++asked_[probe.value], ++asked_total_;
  };
  while (static_cast<int>(round.size()) < options_.probes_per_round) {
    if (options_.budget > 0 && asked_total_ >= options_.budget) break;
    const BoundaryEstimate found = estimate();
    const bool narrow = found.high - found.low <= options_.tolerance;
    const std::vector<double> now = weights(believed);
    const auto probe = narrow ? std::nullopt : informative(now);
    if (!probe) break;
    ask(*probe);
    double chance = 0;  // the rest of the round is chosen as if the likelier outcome were known
    for (std::size_t h = 0; h < now.size(); ++h) chance += now[h] * likelihood_of(probe->value, h);
    observe(believed, probe->value, chance >= 0.5);
  }
  while (round.empty() || static_cast<int>(round.size()) < options_.probes_per_round) {
    if (options_.budget > 0 && asked_total_ >= options_.budget) break;
    if (!round.empty() && believed != log_likelihood_) break;  // sentinels come when the step is found
    const auto probe = sentinel();
    if (!probe) break;
    ask(*probe);
  }
  return round;
}

BoundaryEstimate BoundarySearch::estimate() const {
  std::vector<double> profile(m_.size(), -kInfinite);
  for (std::size_t i = 0; i < m_.size(); ++i)
    for (std::size_t s = 0; s < slopes_.size(); ++s)
      profile[i] = std::max(profile[i], log_likelihood_[i * slopes_.size() + s]);
  const double greatest = *std::ranges::max_element(profile);
  double first = kInfinite, last = -kInfinite;  // of the plateau: its middle is the estimate
  BoundaryEstimate found{0, kInfinite, -kInfinite, true};
  for (std::size_t i = 0; i < m_.size(); ++i) {
    if (profile[i] >= greatest - 1e-3) first = std::min(first, m_[i]), last = std::max(last, m_[i]);
    if (2 * (greatest - profile[i]) > options_.cut) continue;
    found.low = std::min(found.low, m_[i] - kStep / 2), found.high = std::max(found.high, m_[i] + kStep / 2);
  }
  found.log2_x = (first + last) / 2;
  for (std::size_t value = 0; value < values_.size(); ++value) {
    const double x = std::log2(values_[value]);
    if (x >= found.high + 0.5 && 2 * successes_[value] < told_[value]) found.monotone = false;
    if (x <= found.low - 0.5 && 2 * successes_[value] > told_[value]) found.monotone = false;
  }
  if (found.low <= std::log2(values_.front())) found.low = -kInfinite;
  if (found.high >= std::log2(values_.back())) found.high = kInfinite;
  return found;
}

}  // namespace phasegrid::results::analysis
