// Whether transitions get sharper with kappa: s = s0 (kappa / middle kappa)^e, every column with its own transition
// (no law between them is assumed), one likelihood for the group. e < 0: sharper where there is more to recall.
#pragma once
#include "results/analysis/scaling.hpp"

namespace phasegrid::results::analysis {

struct Sharpness {
  std::size_t group = 0;
  double slope = 0, middle_kappa = 0;  // s0, octaves
  bool at_limit = false;               // as sharp as can be seen: the values of the axis are too far apart to say more
  Coefficient exponent;
  Test test;  // exponent = 0
};

// Nothing where kappa does not vary among the columns in which some trainings succeed and some fail.
std::optional<Sharpness> fit_sharpness(const Study& study, std::size_t group, double level);

}  // namespace phasegrid::results::analysis
