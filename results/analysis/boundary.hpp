// Finds one column's transition with few trainings: which probes to train next, given the outcomes so far.
//
// Every hypothesis is a step at m with a slope s and lapses (lapsing_step.hpp). A probe is worth the information that its
// outcome is expected to give about m, over its counted cost:
//
//   I(x) = H(E_m[P(x|m)]) - E_m[H(P(x|m))]       P(x|m): averaged over s; H in bits     (1)
//
// Where little is known this gallops, then it halves, then it repeats seeds where outcomes are uncertain. The prior (a
// guess from theory or from a neighbour) steers the choice of probes only; the estimate is of the likelihood alone.
// Success need not grow with x: before a column is called done, sentinels an octave above and below its interval are
// probed, and contradicted ones open the question again.
//
// Nothing here depends on time, on how many probes run at once, or on the order in which their outcomes come.
#pragma once
#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "results/analysis/lapsing_step.hpp"

namespace phasegrid::results::analysis {

// Bits below which a probe is not made: the coarser the answer may be, the sooner a column is left.
inline double least_information(double tolerance) { return std::min(0.16 * tolerance, 0.2); }

struct BoundaryOptions {
  double tolerance = 0.25;          // octaves: done when the interval of x* is no wider
  double cut = kSearchCut;          // 2 (l - l(m)) up to this belongs to the interval
  double least_information = analysis::least_information(0.25);
  int probes_per_round = 1;         // that are chosen before the first of their outcomes is known
  int sentinels = 2;                // seeds on either side
};

struct Probe {
  std::size_t value;  // index
  int seed;           // 0, 1, ...: of each value its own
  bool operator==(const Probe&) const = default;
};

// What may still be spent.
struct Allowance {
  double probes = std::numeric_limits<double>::infinity(), cost = std::numeric_limits<double>::infinity();
};

class BoundarySearch {
 public:
  // Costs by value, counted; an infinite one: it cannot be probed. At most `seeds` probes of each value. `guess`: where to
  // look first, in octaves.
  BoundarySearch(std::shared_ptr<const LapsingSteps> steps, std::vector<double> costs, int seeds,
                 std::optional<double> guess, const BoundaryOptions& options);

  // The next probes; none when the search has ended, or the next one is not allowed (see short_of). All outcomes of the
  // round before must be known.
  std::vector<Probe> next_round(const Allowance& allowed = {});
  bool short_of() const { return short_of_; }          // the last round wanted more than was allowed
  void outcomes(std::size_t value, Trials trials);     // all of this value; of probes that failed to run: nothing
  LapsingEstimate estimate() const;
  bool narrow() const;                                 // the interval is within the tolerance
  int asked(std::size_t value) const { return asked_[value]; }

 private:
  std::optional<Probe> informative(const std::vector<double>& weights) const;
  std::optional<Probe> sentinel() const;
  bool usable(std::size_t value) const;
  std::vector<double> weights(const std::vector<double>& log_likelihood) const;

  BoundaryOptions options_;
  std::shared_ptr<const LapsingSteps> steps_;
  std::vector<double> costs_;
  int seeds_;
  double least_ = 0, greatest_ = 0;  // values that can be probed
  std::vector<double> log_prior_;    // by hypothesis
  std::vector<int> asked_;           // by value
  std::vector<Trials> told_;
  bool short_of_ = false;
};

}  // namespace phasegrid::results::analysis
