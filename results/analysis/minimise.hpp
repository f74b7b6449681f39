// Minima of smooth functions of a few numbers without derivatives: Nelder and Mead's simplex (NLopt) from several
// starts, each restarted until it stays where it is.
#pragma once
#include <functional>
#include <span>
#include <vector>

namespace phasegrid::results::analysis {

using Objective = std::function<double(std::span<const double>)>;

struct Minimum {
  std::vector<double> at;
  double value;
};

// `scale` is the first simplex's size along each number. The objective may be +infinity where it makes no sense, but
// not at every start.
Minimum minimise(const Objective& f, const std::vector<std::vector<double>>& starts, const std::vector<double>& scale);

// From 0 outwards to where f turns positive, to a relative 0.002; infinity where it stays below. f(0) < 0; f rises.
double edge(const std::function<double(double)>& f, double step);

}  // namespace phasegrid::results::analysis
