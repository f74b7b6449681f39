#include "results/analysis/minimise.hpp"

#include <nlopt.h>

#include <boost/math/tools/roots.hpp>
#include <cmath>
#include <limits>
#include <memory>

namespace phasegrid::results::analysis {
namespace {

constexpr double kTolerance = 1e-6;  // of the objective, a log-likelihood: cuts are of order 1
constexpr int kMostRestarts = 8, kMostSteps = 4000;
constexpr double kNowhere = 1e30;  // instead of infinity, of which the simplex cannot take differences

double call(unsigned count, const double* at, double*, void* f) {
  const double value = (*static_cast<const Objective*>(f))({at, count});
  return std::isfinite(value) ? value : kNowhere;
}

Minimum descend(const Objective& f, Minimum from, const std::vector<double>& scale) {
  using Optimiser = std::unique_ptr<nlopt_opt_s, decltype(&nlopt_destroy)>;
  const Optimiser simplex{nlopt_create(NLOPT_LN_NELDERMEAD, static_cast<unsigned>(from.at.size())), nlopt_destroy};
  nlopt_set_min_objective(simplex.get(), call, const_cast<Objective*>(&f));
  nlopt_set_ftol_abs(simplex.get(), kTolerance);
  nlopt_set_maxeval(simplex.get(), kMostSteps);
  nlopt_set_initial_step(simplex.get(), scale.data());
  for (int i = 0; i < kMostRestarts; ++i) {
    Minimum to = from;
    nlopt_optimize(simplex.get(), to.at.data(), &to.value);  // its best point, also when it stops early
    const bool settled = !(to.value < from.value - 1e-4);
    if (to.value < from.value) from = to;
    if (settled) break;
  }
  return from;
}

}  // namespace

Minimum minimise(const Objective& f, const std::vector<std::vector<double>>& starts, const std::vector<double>& scale) {
  Minimum best{starts.front(), std::numeric_limits<double>::infinity()};
  for (const std::vector<double>& start : starts) {
    const double value = f(start);
    if (!std::isfinite(value)) continue;
    Minimum found{start, value};
    if (!start.empty()) found = descend(f, found, scale);
    if (found.value < best.value) best = found;
  }
  return best;
}

double edge(const std::function<double(double)>& f, double step) {
  constexpr int kMostDoublings = 40, kRootBits = 9;
  double inner = 0, inside = f(0);
  for (int i = 0; i < kMostDoublings; ++i) {
    const double there = f(step);
    if (there > 0) {
      std::uintmax_t most = 30;
      const auto root = boost::math::tools::toms748_solve(f, inner, step, inside, there,
                                                          boost::math::tools::eps_tolerance<double>(kRootBits), most);
      return (root.first + root.second) / 2;
    }
    inner = step, inside = there, step *= 2;
  }
  return std::numeric_limits<double>::infinity();
}

}  // namespace phasegrid::results::analysis
