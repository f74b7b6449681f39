#include "orchestrator/time_limits.hpp"

#include <algorithm>
#include <cmath>

namespace phasegrid::orchestrator {
namespace {

constexpr double kFirstGuess = 0.25;   // a spread of 0.5, counted as one cell
constexpr double kSpreads = 3;
constexpr double kLeastTrained = 0.01; // of a cell that stops sooner the final evaluation is most of the time

}  // namespace

void LogRates::add(double cost, double trained, double seconds) {
  if (!(seconds > 0)) return;
  const double x = std::log(seconds / (cost * std::clamp(trained, kLeastTrained, 1.0)));
  cells += 1, sum += x, squares += x * x;
}

double LogRates::spread() const {
  const double deviations = std::max(0.0, squares - sum * mean());
  return std::sqrt((kFirstGuess + deviations) / (cells + 1));
}

void TimeLimits::learn(std::uint32_t family, const LogRates& before) {
  if (families_.size() <= family) families_.resize(family + 1);
  families_[family].add(before);
}

void TimeLimits::learn(std::uint32_t family, int node, double cost, double trained, double seconds) {
  LogRates one;
  one.add(cost, trained, seconds);
  if (factor_ == kNone || one.cells == 0) return;
  if (families_.size() <= family) families_.resize(family + 1);
  LogRates& all = families_[family];
  Machine& machine = machines_[node];
  machine.cells += 1;
  if (all.cells > 0) machine.deviations += one.sum - all.mean();
  all.add(one);
}

double TimeLimits::slowness(int node) const {
  const auto known = machines_.find(node);
  if (known == machines_.end()) return kUnknownMachine;
  return std::exp(std::max(0.0, known->second.deviations / known->second.cells));
}

double TimeLimits::limit(std::uint32_t family, int node, double cost) const {
  if (factor_ == kNone || families_.size() <= family || families_[family].cells < kEvidence) return kNone;
  const LogRates& all = families_[family];
  return std::max(least_, factor_ * slowness(node) * std::exp(kSpreads * all.spread() + all.mean()) * cost);
}

}  // namespace phasegrid::orchestrator
