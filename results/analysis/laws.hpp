// Scaling laws: how the transition x* depends on what the task asks for. n pairs; the other size is N where d is
// searched and d where N is.
//
//   affine     x* = a kappa + b log2 nu + c      S6 and Mamba-2: theory 3.1 C1, (a, b, c) = (1, 1, 0)
//   product    x* = a kappa log2 nu              S4D with a gate: theory 3.4 C3, a = 1
//   information x* = a n log2 nu / other size    random codes: theory 3.2 C2
//   power      x* = a kappa^p
//   exact      x* = a (the construction's size in each column): a is the optimisation gap of the whole group
//   constant   x* = a
#pragma once
#include <span>
#include <string>
#include <vector>

#include "results/analysis/study.hpp"

namespace phasegrid::results::analysis {

struct Law {
  std::string name, formula;
  std::vector<std::string> parameters;
  double (*value)(const Column& column, std::span<const double> parameters);
  std::vector<double> theorem;              // the parameters that a theorem says; empty: none does
  std::vector<std::vector<double>> starts;  // for the search of the best parameters
};

// The laws that can be told apart on these columns: every number in them is known, and there are at least as many
// different columns as parameters. "affine" loses b where nu, and a where kappa, does not vary enough.
std::vector<Law> laws_for(const std::vector<const Column*>& columns);

}  // namespace phasegrid::results::analysis
