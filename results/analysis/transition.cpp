#include "results/analysis/transition.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

namespace phasegrid::results::analysis {
namespace {

// Resamples the seeds of each point and fits again. The generator is keyed by the column and the level: the same data
// give the same numbers. Most points are all success or all failure, so that few resamplings differ: each is fitted
// once.
class Bootstrap {
 public:
  Bootstrap(std::span<const Response> data, std::uint64_t key)
      : resampled_(data.begin(), data.end()), data_(data), random_(key) {}

  std::vector<double> estimates(int replicates) {
    std::vector<double> all;
    for (int i = 0; i < replicates; ++i) all.push_back(one());
    std::ranges::sort(all);
    return all;
  }

 private:
  double one() {
    std::vector<double> key;
    for (std::size_t i = 0; i < data_.size(); ++i) {
      double successes = 0;
      for (double t = 0; t < data_[i].trials; ++t) successes += uniform() * data_[i].trials < data_[i].successes;
      resampled_[i].successes = successes;
      key.push_back(successes);
    }
    const auto [known, is_new] = fitted_.try_emplace(std::move(key), 0.0);
    if (is_new) known->second = fit_step(resampled_).m;
    return known->second;
  }

  double uniform() { return static_cast<double>(random_() >> 11) * 0x1p-53; }

  std::vector<Response> resampled_;
  std::span<const Response> data_;
  std::mt19937_64 random_;
  std::map<std::vector<double>, double> fitted_;
};

// From the axis of the fit back to x: 0 and infinity stay open ends.
double back(const Study& study, double at) { return std::exp2(study.increasing ? at : -at); }

struct Fit {
  Step step;
  Interval interval;
};

// A search trains few seeds far from the transition: one lapse there must not move the step (lapsing_step.hpp).
Fit fit_searched(const std::vector<Response>& data) {
  std::vector<Response> ascending = data;
  std::ranges::sort(ascending, {}, &Response::at);
  std::vector<double> at;
  std::vector<Trials> trials;
  for (const Response& response : ascending) {
    at.push_back(response.at);
    trials.push_back({static_cast<int>(response.trials), static_cast<int>(response.successes)});
  }
  const LapsingEstimate found = LapsingSteps(at).estimate(trials, kSearchCut, at.front(), at.back());
  return {{found.at, found.slope, 0}, {found.low, found.high}};
}

Fit fit(const Study& study, const std::vector<Response>& data) {
  if (study.searched) return fit_searched(data);
  const Step step = fit_step(data);
  return {step, step_interval(data, step, kCut)};
}

}  // namespace

Transition find_transition(const Study& study, const Column& column, double level, int replicates) {
  const std::vector<Response> data = responses(study, column, level);
  const auto [step, interval] = fit(study, data);
  Transition found;
  found.log2_x = study.increasing ? step.m : -step.m;
  found.slope = std::isinf(step.m) ? sweeps::kNaN : step.s;
  found.low = back(study, interval.low), found.high = back(study, interval.high);
  if (!study.increasing) std::swap(found.low, found.high);
  const double x = std::exp2(found.log2_x);
  if (x >= column.least_x() && x <= column.greatest_x()) found.x = x;
  found.censored =
      static_cast<std::int8_t>((found.low == 0 ? below : inside) | (std::isinf(found.high) ? above : inside));

  if (replicates > 0) {
    const auto key = column.place * 1000003 + static_cast<std::uint64_t>(std::llround(level * 1e6));
    const std::vector<double> all = Bootstrap(data, key).estimates(replicates);
    const auto quantile = [&](double p) {
      return back(study, all[static_cast<std::size_t>(p * static_cast<double>(all.size() - 1) + 0.5)]);
    };
    found.bootstrap_low = quantile(0.025), found.bootstrap_high = quantile(0.975);
    if (!study.increasing) std::swap(found.bootstrap_low, found.bootstrap_high);
  }
  return found;
}

}  // namespace phasegrid::results::analysis
