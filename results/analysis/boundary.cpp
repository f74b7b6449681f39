#include "results/analysis/boundary.hpp"

#include <algorithm>
#include <cmath>

namespace phasegrid::results::analysis {
namespace {

constexpr double kGuessWidth = 1.5, kGuessTrust = 0.8;  // octaves; the rest of the prior is flat

double entropy(double p) { return p <= 0 || p >= 1 ? 0 : -p * std::log2(p) - (1 - p) * std::log2(1 - p); }

}  // namespace

BoundarySearch::BoundarySearch(std::shared_ptr<const LapsingSteps> steps, std::vector<double> costs, int seeds,
                               std::optional<double> guess, const BoundaryOptions& options)
    : options_(options),
      steps_(std::move(steps)),
      costs_(std::move(costs)),
      seeds_(seeds),
      asked_(costs_.size()),
      told_(costs_.size()) {
  least_ = std::numeric_limits<double>::infinity(), greatest_ = -least_;
  for (std::size_t value = 0; value < costs_.size(); ++value)
    if (usable(value))
      least_ = std::min(least_, steps_->at()[value]), greatest_ = std::max(greatest_, steps_->at()[value]);
  const double range = steps_->m().back() - steps_->m().front();
  for (const double m : steps_->m()) {
    const double away = guess ? (m - *guess) / kGuessWidth : 0;
    const double near = std::exp(-away * away / 2) / (kGuessWidth * std::sqrt(2 * std::acos(-1)));
    const double prior = guess ? kGuessTrust * near + (1 - kGuessTrust) / range : 1;
    log_prior_.insert(log_prior_.end(), steps_->slopes().size(), std::log(prior));
  }
}

bool BoundarySearch::usable(std::size_t value) const { return !std::isinf(costs_[value]); }

void BoundarySearch::outcomes(std::size_t value, Trials trials) { told_[value] = trials; }

LapsingEstimate BoundarySearch::estimate() const {
  return steps_->estimate(told_, options_.cut, least_, greatest_);
}

bool BoundarySearch::narrow() const {
  const LapsingEstimate found = estimate();
  return found.high - found.low <= options_.tolerance;
}

std::vector<double> BoundarySearch::weights(const std::vector<double>& log_likelihood) const {
  std::vector<double> weights(log_likelihood.size());
  double greatest = -std::numeric_limits<double>::infinity(), sum = 0;
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
  const std::size_t slopes = steps_->slopes().size();
  for (std::size_t value = 0; value < costs_.size(); ++value) {
    if (!usable(value) || asked_[value] >= seeds_) continue;
    double mean = 0, known = 0;
    for (std::size_t i = 0; i < steps_->m().size(); ++i) {
      double weight = 0, chance = 0;
      for (std::size_t h = i * slopes; h < (i + 1) * slopes; ++h)
        weight += weights[h], chance += weights[h] * steps_->chance(value, h);
      mean += chance;
      if (weight > 0) known += weight * entropy(chance / weight);
    }
    const double information = entropy(mean) - known;  // (1)
    // Of equals, to within the rounding of any machine, the first.
    if (information < options_.least_information || information / costs_[value] <= most * (1 + 1e-9)) continue;
    most = information / costs_[value];
    best = Probe{value, asked_[value]};
  }
  return best;
}

// The nearest values an octave beyond the interval's ends, or the outermost ones, until enough seeds were seen there.
std::optional<Probe> BoundarySearch::sentinel() const {
  const LapsingEstimate found = estimate();
  const auto missing = [&](auto is_beyond, auto order) -> std::optional<Probe> {  // `order` ends nearest to the interval
    std::optional<std::size_t> nearest;
    int seen = 0;
    for (std::size_t i = 0; i < costs_.size(); ++i) {
      const std::size_t value = order(i);
      if (!usable(value) || (nearest && !is_beyond(steps_->at()[value]))) continue;
      nearest = value;
      if (is_beyond(steps_->at()[value])) seen += asked_[value];
    }
    if (!nearest || seen >= options_.sentinels || asked_[*nearest] >= std::min(seeds_, options_.sentinels)) return {};
    return Probe{*nearest, asked_[*nearest]};
  };
  if (std::isfinite(found.high))
    if (auto probe = missing([&](double x) { return x >= found.high + 1; },
                             [&](std::size_t i) { return costs_.size() - 1 - i; }))
      return probe;
  if (std::isfinite(found.low))
    return missing([&](double x) { return x <= found.low - 1; }, [](std::size_t i) { return i; });
  return {};
}

std::vector<Probe> BoundarySearch::next_round(const Allowance& allowed) {
  std::vector<Probe> round;
  Allowance left = allowed;
  short_of_ = false;
  const auto ask = [&](const Probe& probe) {
    short_of_ = left.probes < 1 - 1e-9 || left.cost < costs_[probe.value] * (1 - 1e-9);
    if (short_of_) return false;
    left.probes -= 1, left.cost -= costs_[probe.value];
    round.push_back(probe);
    ++asked_[probe.value];
    return true;
  };
  const auto full = [&] { return static_cast<int>(round.size()) >= options_.probes_per_round; };
  if (!narrow()) {
    for (std::vector<double> believed = steps_->log_likelihood(told_); !full();) {
      const std::vector<double> now = weights(believed);
      const auto probe = informative(now);
      if (!probe || !ask(*probe)) break;
      double chance = 0;  // the rest of the round is chosen as if the likelier outcome were known
      for (std::size_t h = 0; h < now.size(); ++h) chance += now[h] * steps_->chance(probe->value, h);
      steps_->observe(believed, probe->value, {1, chance >= 0.5 ? 1 : 0});
    }
  }
  if (!round.empty() || short_of_) return round;
  while (!full()) {  // the step is found: sentinels
    const auto probe = sentinel();
    if (!probe || !ask(*probe)) break;
  }
  return round;
}

}  // namespace phasegrid::results::analysis
