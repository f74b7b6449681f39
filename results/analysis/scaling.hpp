// Scaling laws in one stage: a law's x* is put into the likelihood of all trainings of a group, with one slope s for
// the group (docs/analysis.md, section 3):
//
//   P(success) = sigmoid((log2 x - log2 x*(kappa, nu, ...)) / s)
//
// so that no transition is estimated separately and columns without a visible one count for what they exclude.
// Intervals and regions are where twice the log-likelihood falls by the quantile of chi squared from its maximum.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "results/analysis/laws.hpp"

namespace phasegrid::results::analysis {

struct Coefficient {
  std::string name;
  double estimate = 0, low = -kInfinity, high = kInfinity;  // 95 %, profile likelihood; infinite: not bounded
};

struct Test {
  std::string name;  // "a = 0"
  double statistic = 0;
  int freedom = 1;
  double p = 1;
  bool theorem = false;  // the hypothesis is a theorem's
};

struct LawFit {
  std::string name, formula;
  std::vector<Coefficient> coefficients;
  double slope = 0, log_likelihood = 0, aic = 0;
  std::vector<Test> tests;
};

// The 95 % region of two coefficients that trade off against each other, as a closed line around the estimate.
struct Region {
  std::string first, second;
  double correlation = 0;
  std::vector<double> x, y;
};

struct Scaling {
  std::size_t group = 0;
  std::size_t columns = 0, points = 0;
  std::vector<LawFit> laws;               // in the order of laws_for
  std::size_t best = 0;                   // the law with the least AIC
  std::optional<Region> region;           // of the affine law
  std::optional<Coefficient> T_exponent;  // x* grows like T^this, beside the affine law, or else a constant one
  std::optional<Test> T_test;
};

// Nothing where the group has fewer than two columns or no training that tells two of them apart.
std::optional<Scaling> fit_scaling(const Study& study, std::size_t group, double level);

}  // namespace phasegrid::results::analysis
