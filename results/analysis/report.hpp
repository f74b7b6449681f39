// The whole analysis of a sweep: transitions, laws, checks, and what they mean in words.
#pragma once
#include "results/analysis/bound_checks.hpp"
#include "results/analysis/scaling.hpp"
#include "results/analysis/sharpness.hpp"
#include "results/analysis/transition.hpp"

namespace phasegrid::results::analysis {

struct Options {
  double level = 0.9;    // of the laws, gaps and verdicts
  int replicates = 200;  // of the bootstrap
};

struct Verdict {
  std::string group;      // "variant=mamba"
  std::string theorem;    // "s6_mqar_exact"
  std::string reference;  // "theory 3.1 C1; ..."
  std::string finding;    // one of "met", "not_minimal", "search_failure", "mixed", "undecided", "violated", "holds"
  std::string sentence;
};

struct Report {
  Options options;
  Study study;
  std::vector<double> levels;                        // 0.5, 0.9, 0.99 and options.level, ascending
  std::size_t at = 0;                                // options.level among them
  std::vector<std::vector<Transition>> transitions;  // [column][level]
  std::vector<Gap> gaps;                             // [column], at options.level
  std::vector<Scaling> scalings;
  std::vector<Sharpness> sharpness;
  HardBound hard;
  ConstructionCheck constructions;
  std::vector<Verdict> verdicts;

  bool sound() const { return hard.violations.empty() && constructions.inexact.empty(); }
};

// Throws RunError when the sweep has no axis along which a transition could be, or nothing has ended yet.
Report analyse(const sweeps::Grid& grid, const RunState& state, const Options& options);

std::vector<Verdict> verdicts(const Report& report);

}  // namespace phasegrid::results::analysis
