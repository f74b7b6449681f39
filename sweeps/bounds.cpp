#include "sweeps/bounds.hpp"

#include <algorithm>
#include <cmath>

namespace phasegrid::sweeps {
namespace {

constexpr std::int64_t kMostCode = 1'000'000;
const double kLog2e = 1 / std::log(2.0);

double log_choose(double m, double i) { return std::lgamma(m + 1) - std::lgamma(i + 1) - std::lgamma(m - i + 1); }

// log(e^a + e^b)
double log_sum(double a, double b) { return std::max(a, b) + std::log1p(std::exp(-std::fabs(a - b))); }

}  // namespace

std::int64_t bits_for(std::int64_t symbols) {
  std::int64_t bits = 1;
  while ((std::int64_t{1} << bits) < symbols) ++bits;
  return bits;
}

double log2_cells(std::int64_t q, double m) {
  double sum = 0;  // log C(m, 0)
  for (std::int64_t i = 1; i <= std::min(static_cast<double>(q), m); ++i)
    sum = log_sum(sum, log_choose(m, static_cast<double>(i)));
  return sum * kLog2e;
}

double binary_entropy(double p) { return p <= 0 || p >= 1 ? 0 : -p * std::log2(p) - (1 - p) * std::log2(1 - p); }

double needed_bits(std::int64_t n, std::int64_t nu, double eps, bool distinct) {
  double total = static_cast<double>(n) * std::log2(nu);
  if (distinct) {
    total = 0;
    for (std::int64_t i = 0; i < n; ++i) total += std::log2(nu - i);
  }
  return total - static_cast<double>(n) * (binary_entropy(eps) + eps * std::log2(std::max<std::int64_t>(2, nu - 1)));
}

// The sum of (1) grows with q, so it is continued rather than begun anew for each q.
std::int64_t lower_bound_state(std::int64_t n, std::int64_t nu, double eps, bool distinct) {
  const double m = static_cast<double>(n) * static_cast<double>(nu) * static_cast<double>(nu - 1) / 2;
  const double need = needed_bits(n, nu, eps, distinct) - 1e-9;
  double sum = 0;
  std::int64_t q = 0;
  while (sum * kLog2e < need && static_cast<double>(q) < m)
    ++q, sum = log_sum(sum, log_choose(m, static_cast<double>(q)));
  return q;
}

// needed_bits falls in eps until blind guessing, 1 - 1/nu: bisect there.
double least_error(std::int64_t q, std::int64_t n, std::int64_t nu, bool distinct) {
  const double m = static_cast<double>(n) * static_cast<double>(nu) * static_cast<double>(nu - 1) / 2;
  const double cells = log2_cells(q, m) + 1e-9;
  if (cells >= needed_bits(n, nu, 0, distinct)) return 0;
  double low = 0, high = 1 - 1 / static_cast<double>(nu);
  if (cells < needed_bits(n, nu, high, distinct)) return high;
  while (high - low > 1e-12) {
    const double middle = (low + high) / 2;
    (cells >= needed_bits(n, nu, middle, distinct) ? high : low) = middle;
  }
  return low;  // rounded to the side on which the bound holds
}

std::int64_t most_pieces(std::int64_t jumps, std::int64_t T) {
  std::int64_t pieces = 1;
  for (std::int64_t halves = 1; halves < T; halves *= 2) pieces += std::min(halves, jumps);
  return std::min(pieces, T);
}

double normal_tail(double x) { return 0.5 * std::erfc(x / std::sqrt(2.0)); }

double jl_error(std::int64_t n, std::int64_t nu, std::int64_t mk, std::int64_t mv) {
  const double key = static_cast<double>(mk), value = static_cast<double>(mv), pairs = static_cast<double>(n);
  const double outside = 1 / value + (n > 1 ? 2 * (pairs - 1) / (key * value) : 0);
  const double inside = 1 / key + 1 / value + 2 * std::max(0.0, pairs - 2) / (key * value);
  double error = 0;
  if (nu > n) error += static_cast<double>(nu - n) * normal_tail(1 / std::sqrt(outside));
  if (n > 1) error += (pairs - 1) * normal_tail(1 / std::sqrt(inside));
  return std::min(1.0, error);
}

std::int64_t jl_coherence_dim(std::int64_t codes, double eps, double delta) {
  const double pairs = static_cast<double>(codes) * static_cast<double>(codes - 1);
  return static_cast<std::int64_t>(std::ceil(2 / (eps * eps) * std::log(pairs / delta)));
}

std::optional<std::int64_t> jl_least_mv(std::int64_t n, std::int64_t nu, std::int64_t mk, double eps) {
  std::int64_t least = 1, enough = 1;
  while (jl_error(n, nu, mk, enough) > eps)
    if ((enough *= 2) > kMostCode) return {};
  while (least < enough) {
    const std::int64_t middle = (least + enough) / 2;
    if (jl_error(n, nu, mk, middle) <= eps) enough = middle;
    else least = middle + 1;
  }
  return least;
}

std::optional<JlSizes> jl_sizes(std::int64_t kappa, std::int64_t n, std::int64_t nu, double eps) {
  std::optional<JlSizes> best;
  for (std::int64_t mk = 2; mk < 8 * kappa + 2; ++mk) {
    if (best && mk >= best->mk + best->mv) break;
    const auto mv = jl_least_mv(n, nu, mk, eps);
    if (mv && (!best || mk + *mv < best->mk + best->mv)) best = JlSizes{mk, *mv};
  }
  return best;
}

}  // namespace phasegrid::sweeps
