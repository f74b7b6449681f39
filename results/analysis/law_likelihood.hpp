// The likelihood of all trainings of a group under a law, and its maxima with some parameters held fixed.
#pragma once
#include <optional>
#include <vector>

#include "results/analysis/laws.hpp"

namespace phasegrid::results::analysis {

class LawLikelihood {
 public:
  LawLikelihood(const Study& study, const std::vector<const Column*>& columns, double level);

  struct Fit {
    std::vector<double> at;  // the law's parameters, and last the exponent of T
    double log_likelihood = -kInfinity;
    double slope = 0;
  };
  using Fixed = std::vector<std::optional<double>>;  // one for each parameter and the exponent of T; empty: free

  // The best fit with these fixed; `near` are further starts beside the law's own (all parameters and the exponent).
  Fit best(const Law& law, const Fixed& fixed, const std::vector<std::vector<double>>& near = {}) const;

  std::size_t points() const { return points_; }
  bool informative() const { return informative_; }  // at least one success and one failure
  bool several_T() const { return several_T_; }

 private:
  Profile at(const Law& law, std::span<const double> parameters) const;
  const std::vector<const Column*>& columns_;
  std::vector<std::vector<Response>> data_;
  double sign_;      // -1 where success falls along the axis
  double middle_T_;  // the exponent is of T / this
  std::size_t points_ = 0;
  bool informative_ = false, several_T_ = false;
  mutable std::vector<Response> shifted_;
};

}  // namespace phasegrid::results::analysis
