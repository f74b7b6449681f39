#include "results/analysis/logistic.hpp"

#include <algorithm>
#include <boost/math/tools/roots.hpp>
#include <cmath>

namespace phasegrid::results::analysis {
namespace {

constexpr double kFar = 60;  // octaves beyond the data: as good as infinitely far
constexpr int kBits = 40;    // of a root

double sigmoid(double z) { return 1 / (1 + std::exp(-z)); }

// Far on the side that the step expects, a response adds nothing to any sum here: less than 1e-13 for each seed.
bool settled(const Response& r, double z) {
  return (z > 30 && r.successes == r.trials) || (z < -30 && r.successes == 0);
}

double log_sigmoid(double z) { return z < 0 ? z - std::log1p(std::exp(z)) : -std::log1p(std::exp(-z)); }

// The first two derivatives of (2) in 1/s, and the score.
struct Slope {
  double first = 0, second = 0, score = 0;
};

Slope slope_at(std::span<const Response> responses, double m, double steepness) {
  Slope sum;
  for (const Response& r : responses) {
    const double u = r.at - m, z = steepness * u;
    if (settled(r, z)) continue;
    const double p = sigmoid(z), surprise = r.successes - r.trials * p;
    sum.first += surprise * u, sum.second -= r.trials * p * (1 - p) * u * u, sum.score += surprise;
  }
  return sum;
}

double log_likelihood(std::span<const Response> responses, double m, double steepness) {
  double sum = 0;
  for (const Response& r : responses) {
    const double z = steepness * (r.at - m);
    if (settled(r, z)) continue;
    if (r.successes > 0) sum += r.successes * log_sigmoid(z);
    if (r.successes < r.trials) sum += (r.trials - r.successes) * log_sigmoid(-z);
  }
  return sum;
}

// The steepness 1/s in its range at which the concave (2) is largest: Newton's steps, kept inside a shrinking bracket.
double best_steepness(std::span<const Response> responses, double m) {
  double low = 1 / kFlattest, high = 1 / kSteepest;
  if (slope_at(responses, m, low).first <= 0) return low;
  if (slope_at(responses, m, high).first >= 0) return high;
  double at = 4;
  for (int i = 0; i < 60 && high - low > 1e-9; ++i) {
    const Slope slope = slope_at(responses, m, at);
    (slope.first > 0 ? low : high) = at;
    const double next = at - slope.first / slope.second;
    if (std::fabs(next - at) < 1e-9) return at;
    at = next > low && next < high ? next : (low + high) / 2;
  }
  return at;
}

template <class F>
double root(const F& f, double low, double high) {
  std::uintmax_t most = 100;
  const auto bracket =
      boost::math::tools::toms748_solve(f, low, high, boost::math::tools::eps_tolerance<double>(kBits), most);
  return (bracket.first + bracket.second) / 2;
}

struct Range {
  double least = kInfinity, greatest = -kInfinity;
};

Range range_of(std::span<const Response> responses) {
  Range range;
  for (const Response& r : responses)
    range.least = std::min(range.least, r.at), range.greatest = std::max(range.greatest, r.at);
  return range;
}

}  // namespace

Profile profile(std::span<const Response> responses, double m) {
  const double steepness = best_steepness(responses, m);
  return {1 / steepness, log_likelihood(responses, m, steepness), slope_at(responses, m, steepness).score};
}

Step fit_step(std::span<const Response> responses) {
  double successes = 0, failures = 0;
  for (const Response& r : responses) successes += r.successes, failures += r.trials - r.successes;
  if (successes == 0 || failures == 0) return {successes == 0 ? kInfinity : -kInfinity, kSteepest, 0};
  const Range range = range_of(responses);
  const double m =
      root([&](double at) { return profile(responses, at).score; }, range.least - kFar, range.greatest + kFar);
  const Profile best = profile(responses, m);
  return {m, best.s, best.log_likelihood};
}

Step fit_step(std::span<const Response> responses, double s) {
  double successes = 0, failures = 0;
  for (const Response& r : responses) successes += r.successes, failures += r.trials - r.successes;
  if (successes == 0 || failures == 0) return {successes == 0 ? kInfinity : -kInfinity, s, 0};
  const Range range = range_of(responses);
  const double m =
      root([&](double at) { return slope_at(responses, at, 1 / s).score; }, range.least - kFar, range.greatest + kFar);
  return {m, s, log_likelihood(responses, m, 1 / s)};
}

Interval step_interval(std::span<const Response> responses, const Step& step, double cut) {
  const Range range = range_of(responses);
  const auto excess = [&](double m) { return 2 * (step.log_likelihood - profile(responses, m).log_likelihood) - cut; };
  Interval interval{-kInfinity, kInfinity};
  if (step.m > range.least && excess(range.least) > 0)
    interval.low = step.m > range.greatest && excess(range.greatest) > 0
                       ? range.greatest
                       : root(excess, range.least, std::min(step.m, range.greatest));
  if (step.m < range.greatest && excess(range.greatest) > 0)
    interval.high = step.m < range.least && excess(range.least) > 0
                        ? range.least
                        : root(excess, std::max(step.m, range.least), range.greatest);
  return interval;
}

}  // namespace phasegrid::results::analysis
