// Chi-square tests for samples drawn from fixed seeds.
#pragma once
#include <cmath>
#include <cstdint>
#include <vector>

namespace phasegrid::testing_support {

// A chi-square variable with `freedom` degrees of freedom as a standard normal one (Wilson and Hilferty).
inline double normal_score(double chi_square, double freedom) {
  const double variance = 2 / (9 * freedom);
  return (std::cbrt(chi_square / freedom) - (1 - variance)) / std::sqrt(variance);
}

// How far counts are from what their probabilities predict, in standard deviations of chance. Classes that are expected
// fewer than ten times are pooled into one.
inline double misfit(const std::vector<std::int64_t>& counts, const std::vector<double>& probabilities) {
  double total = 0, sum = 0;
  for (const auto count : counts) total += static_cast<double>(count);
  for (const double p : probabilities) sum += p;
  double chi_square = 0, freedom = -1, rare_expected = 0, rare_count = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double expected = total * probabilities[i] / sum, count = static_cast<double>(counts[i]);
    if (expected < 10) rare_expected += expected, rare_count += count;
    else chi_square += (count - expected) * (count - expected) / expected, ++freedom;
  }
  if (rare_expected > 0) chi_square += std::pow(rare_count - rare_expected, 2) / rare_expected, ++freedom;
  return normal_score(chi_square, freedom);
}

// Seeds are fixed, so a good generator stays below this for ever; a wrong law is off by hundreds at these sample sizes.
constexpr double kChance = 4;

}  // namespace phasegrid::testing_support
