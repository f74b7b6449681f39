#include "results/analysis/scaling.hpp"

#include <algorithm>
#include <boost/math/distributions/chi_squared.hpp>
#include <cmath>

#include "results/analysis/law_likelihood.hpp"
#include "results/analysis/minimise.hpp"

namespace phasegrid::results::analysis {
namespace {

using Fit = LawLikelihood::Fit;
using Fixed = LawLikelihood::Fixed;

double cut(int freedom) { return boost::math::quantile(boost::math::chi_squared(freedom), 0.95); }

Test likelihood_ratio(std::string name, const Fit& full, const Fit& restricted, int freedom) {
  const double statistic = std::max(0.0, 2 * (full.log_likelihood - restricted.log_likelihood));
  const boost::math::chi_squared law(freedom);
  return {std::move(name), statistic, freedom,
          std::isinf(statistic) ? 0 : boost::math::cdf(boost::math::complement(law, statistic))};
}

// Everything free but the exponent of T.
Fixed without_T(const Law& law) {
  Fixed fixed(law.parameters.size() + 1);
  fixed.back() = 0;
  return fixed;
}

// How far beyond the cut the likelihood has fallen where some parameters are held; at most kFallen, for root finders.
class Fall {
 public:
  Fall(const LawLikelihood& likelihood, const Law& law, const Fit& best, int freedom)
      : likelihood_(likelihood), law_(law), best_(best), cut_(cut(freedom)), near_(best.at) {}

  double operator()(const Fixed& fixed) const {
    const Fit fit = likelihood_.best(law_, fixed, {near_});
    if (std::isfinite(fit.log_likelihood)) near_ = fit.at;
    return std::min(kFallen, 2 * (best_.log_likelihood - fit.log_likelihood) - cut_);
  }
  void begin_again() const { near_ = best_.at; }
  double cut_value() const { return cut_; }

 private:
  static constexpr double kFallen = 1e3;
  const LawLikelihood& likelihood_;
  const Law& law_;
  const Fit& best_;
  double cut_;
  mutable std::vector<double> near_;  // the last optimum: the next is not far
};

Coefficient profile_interval(const LawLikelihood& likelihood, const Law& law, const Fit& best, Fixed fixed,
                             std::size_t which, const std::string& name) {
  const Fall fall(likelihood, law, best, 1);
  const double estimate = best.at[which], step = 0.02 * std::fabs(estimate) + 0.02;
  const auto side = [&](double sign) {
    fall.begin_again();
    return edge(
        [&](double away) { return fixed[which] = estimate + sign * away, away == 0 ? -fall.cut_value() : fall(fixed); },
        step);
  };
  return {name, estimate, estimate - side(-1), estimate + side(1)};
}

// Second derivatives of the fall in the two coefficients, then along many directions outwards to the cut.
std::optional<Region> region_of(const LawLikelihood& likelihood, const Law& law, const LawFit& fit, const Fit& best) {
  const std::size_t i = law.parameters.size() - 2, j = i + 1;
  const Coefficient &a = fit.coefficients[i], &b = fit.coefficients[j];
  const double ha = 0.3 * (a.high - a.low) / 2, hb = 0.3 * (b.high - b.low) / 2;
  if (!std::isfinite(ha) || !std::isfinite(hb)) return {};
  const Fall fall(likelihood, law, best, 2);
  Fixed fixed = without_T(law);
  const auto at = [&](double da, double db) {
    fixed[i] = a.estimate + da, fixed[j] = b.estimate + db;
    return fall(fixed) + fall.cut_value();
  };
  const double aa = (at(ha, 0) + at(-ha, 0)) / 2, bb = (at(0, hb) + at(0, -hb)) / 2;
  const double ab = (at(ha, hb) - at(ha, -hb) - at(-ha, hb) + at(-ha, -hb)) / 8;
  const double determinant = aa * bb - ab * ab;
  if (!(aa > 0 && determinant > 1e-9 * aa * bb)) return {};

  Region region{a.name, b.name, -ab / std::sqrt(aa * bb), {}, {}};
  constexpr int kDirections = 36;
  for (int k = 0; k <= kDirections; ++k) {  // the last is the first: a closed line
    const double angle = 2 * std::acos(-1) * (k % kDirections) / kDirections;
    const double v = std::sin(angle) / std::sqrt(determinant / aa), u = std::cos(angle) / std::sqrt(aa) - ab / aa * v;
    fall.begin_again();
    const double r =
        edge([&](double r) { return r == 0 ? -fall.cut_value() : at(r * u * ha, r * v * hb) - fall.cut_value(); },
             std::sqrt(fall.cut_value()));
    if (!std::isfinite(r)) return {};
    region.x.push_back(a.estimate + r * u * ha), region.y.push_back(b.estimate + r * v * hb);
  }
  return region;
}

std::string theorem_of(const Law& law) {
  std::string text;
  for (std::size_t i = 0; i < law.parameters.size(); ++i) {
    const double value = law.theorem[i];
    std::string digits = std::to_string(value);
    digits.erase(digits.find_last_not_of('0') + 1);
    if (digits.ends_with('.')) digits.pop_back();
    text += (i > 0 ? ", " : "") + law.parameters[i] + " = " + digits;
  }
  return text;
}

void add_tests(LawFit& fit, const LawLikelihood& likelihood, const Law& law, const Fit& best) {
  if (law.parameters.size() > 1)
    for (std::size_t i = 0; i < law.parameters.size(); ++i) {
      Fixed fixed = without_T(law);
      fixed[i] = 0;
      const Fit restricted = likelihood.best(law, fixed);  // a kappa^p with a = 0 is no law
      if (std::isfinite(restricted.log_likelihood))
        fit.tests.push_back(likelihood_ratio(law.parameters[i] + " = 0", best, restricted, 1));
    }
  if (law.theorem.empty()) return;
  Fixed fixed = without_T(law);
  for (std::size_t i = 0; i < law.theorem.size(); ++i) fixed[i] = law.theorem[i];
  fit.tests.push_back(
      likelihood_ratio(theorem_of(law), best, likelihood.best(law, fixed), static_cast<int>(law.theorem.size())));
  fit.tests.back().theorem = true;
}

}  // namespace

std::optional<Scaling> fit_scaling(const Study& study, std::size_t group, double level) {
  std::vector<const Column*> columns;
  for (const std::size_t column : study.groups[group].columns) columns.push_back(&study.columns[column]);
  const LawLikelihood likelihood(study, columns, level);
  if (columns.size() < 2 || !likelihood.informative()) return {};

  Scaling scaling;
  scaling.group = group, scaling.columns = columns.size(), scaling.points = likelihood.points();
  for (const Law& law : laws_for(columns)) {
    const Fit best = likelihood.best(law, without_T(law));
    LawFit fit{law.name, law.formula, {}, best.slope, best.log_likelihood, 0, {}};
    fit.aic = 2 * (static_cast<double>(law.parameters.size()) + 1) - 2 * best.log_likelihood;  // the slope is one, too
    for (std::size_t i = 0; i < law.parameters.size(); ++i)
      fit.coefficients.push_back(profile_interval(likelihood, law, best, without_T(law), i, law.parameters[i]));
    add_tests(fit, likelihood, law, best);
    const bool carrier = law.name == "affine" || (law.name == "constant" && !scaling.T_test);
    if (carrier && likelihood.several_T()) {
      std::vector<double> start = best.at;
      const Fit with_T = likelihood.best(law, Fixed(law.parameters.size() + 1), {start});
      scaling.T_test = likelihood_ratio("exponent of T = 0", with_T, best, 1);
      scaling.T_exponent = profile_interval(likelihood, law, with_T, Fixed(law.parameters.size() + 1),
                                            law.parameters.size(), "exponent of T");
    }
    if (law.name == "affine") scaling.region = region_of(likelihood, law, fit, best);
    scaling.laws.push_back(std::move(fit));
  }
  if (scaling.laws.empty()) return {};
  scaling.best =
      static_cast<std::size_t>(std::ranges::min_element(scaling.laws, {}, &LawFit::aic) - scaling.laws.begin());
  return scaling;
}

}  // namespace phasegrid::results::analysis
