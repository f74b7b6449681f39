#include "results/analysis/sharpness.hpp"

#include <algorithm>
#include <boost/math/distributions/chi_squared.hpp>
#include <cmath>
#include <set>

#include "results/analysis/minimise.hpp"

namespace phasegrid::results::analysis {
namespace {

struct Seen {
  double log2_kappa;  // relative to the middle
  std::vector<Response> data;
};

// The log-likelihood with the best transition in each column.
double log_likelihood(const std::vector<Seen>& columns, double log2_slope, double exponent) {
  double sum = 0;
  for (const Seen& column : columns) {
    const double s = std::exp2(log2_slope + exponent * column.log2_kappa);
    sum += fit_step(column.data, std::clamp(s, kSteepest, kFlattest)).log_likelihood;
  }
  return sum;
}

}  // namespace

std::optional<Sharpness> fit_sharpness(const Study& study, std::size_t group, double level) {
  std::vector<Seen> columns;
  std::set<double> kappas;
  double middle = 0;
  for (const std::size_t i : study.groups[group].columns) {
    const Column& column = study.columns[i];
    const std::vector<Response> data = responses(study, column, level);
    if (std::isinf(fit_step(data).m) || !(column.kappa > 0)) continue;
    columns.push_back({std::log2(column.kappa), data});
    kappas.insert(column.kappa), middle += columns.back().log2_kappa;
  }
  if (kappas.size() < 2) return {};
  middle /= static_cast<double>(columns.size());
  for (Seen& column : columns) column.log2_kappa -= middle;

  constexpr double kSteepestExponent = 8;  // kappa's range is a few octaves, that of s five
  const auto best_slope = [&](double exponent) {
    return minimise([&](std::span<const double> p) { return -log_likelihood(columns, p[0], exponent); },
                    {{-3}, {-1.5}, {0}}, {0.5});
  };
  const Minimum best = minimise(
      [&](std::span<const double> p) {
        return std::fabs(p[1]) > kSteepestExponent ? kInfinity : -log_likelihood(columns, p[0], p[1]);
      },
      {{-3, 0}, {-1.5, 0}, {-1.5, 1}, {-1.5, -1}, {0, 0}}, {0.5, 0.5});
  const Minimum same = best_slope(0);
  Sharpness sharpness;
  sharpness.group = group, sharpness.middle_kappa = std::exp2(middle);
  sharpness.slope = std::clamp(std::exp2(same.at[0]), kSteepest, kFlattest);
  sharpness.at_limit = sharpness.slope <= kSteepest * 1.01;
  const boost::math::chi_squared one(1);
  const double statistic = std::max(0.0, 2 * (same.value - best.value)), cut = boost::math::quantile(one, 0.95);
  sharpness.test = {"exponent = 0", statistic, 1, boost::math::cdf(boost::math::complement(one, statistic))};
  const double exponent = best.at[1];
  const auto side = [&](double sign) {
    return edge(
        [&](double away) {
          if (std::fabs(exponent + sign * away) > kSteepestExponent) return -1.0;  // not bounded within reason
          return away == 0 ? -cut : 2 * (best_slope(exponent + sign * away).value - best.value) - cut;
        },
        0.1);
  };
  sharpness.exponent = {"exponent", exponent, exponent - side(-1), exponent + side(1)};
  return sharpness;
}

}  // namespace phasegrid::results::analysis
