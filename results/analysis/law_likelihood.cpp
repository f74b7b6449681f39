#include "results/analysis/law_likelihood.hpp"

#include <algorithm>
#include <cmath>

#include "results/analysis/minimise.hpp"

namespace phasegrid::results::analysis {

LawLikelihood::LawLikelihood(const Study& study, const std::vector<const Column*>& columns, double level)
    : columns_(columns), sign_(study.increasing ? 1 : -1), middle_T_(columns.front()->T) {
  double successes = 0, failures = 0;
  for (const Column* column : columns) {
    data_.push_back(responses(study, *column, level));
    points_ += data_.back().size();
    for (const Response& r : data_.back()) successes += r.successes, failures += r.trials - r.successes;
    several_T_ |= !std::isnan(column->T) && column->T != middle_T_;
  }
  informative_ = successes > 0 && failures > 0;
}

// All columns moved so that their transition is at 0; one slope for all of them.
Profile LawLikelihood::at(const Law& law, std::span<const double> parameters) const {
  const double exponent = parameters.back();
  shifted_.clear();
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const double x = law.value(*columns_[i], parameters.first(parameters.size() - 1));
    if (!(x > 0)) return {0, -kInfinity, 0};
    double m = std::log2(x);
    if (exponent != 0) m += exponent * std::log2(columns_[i]->T / middle_T_);
    for (const Response& r : data_[i]) shifted_.push_back({r.at - sign_ * m, r.trials, r.successes});
  }
  return profile(shifted_, 0);
}

LawLikelihood::Fit LawLikelihood::best(const Law& law, const Fixed& fixed,
                                       const std::vector<std::vector<double>>& near) const {
  Fit fit;
  fit.at.resize(fixed.size());
  const auto complete = [&](std::span<const double> free) {
    std::size_t next = 0;
    for (std::size_t i = 0; i < fixed.size(); ++i) fit.at[i] = fixed[i] ? *fixed[i] : free[next++];
  };
  const auto objective = [&](std::span<const double> free) {
    complete(free);
    return -at(law, fit.at).log_likelihood;
  };
  std::vector<std::vector<double>> all = near, starts;
  if (near.empty())
    for (std::vector<double> start : law.starts) start.push_back(0), all.push_back(start);
  for (const std::vector<double>& start : all) {
    starts.emplace_back();
    for (std::size_t i = 0; i < fixed.size(); ++i)
      if (!fixed[i]) starts.back().push_back(start[i]);
  }
  std::vector<double> scale;
  for (const double x : starts[0]) scale.push_back(0.25 * std::fabs(x) + 0.1);
  const Minimum found = minimise(objective, starts, scale);
  complete(found.at);
  const Profile there = at(law, fit.at);
  fit.log_likelihood = there.log_likelihood, fit.slope = there.s;
  return fit;
}

}  // namespace phasegrid::results::analysis
