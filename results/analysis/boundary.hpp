// Finds one column's transition with few trainings: which probes to train next, given the outcomes so far.
//
// Every hypothesis is a step at m with a slope s, and a chance of either lapse:
//
//   P(success at x) = lapse + (1 - 2 lapse) sigmoid((log2 x - m) / s)                  (1)
//
// A probe is worth the information that its outcome is expected to give about m, over its counted cost:
//
//   I(x) = H(E_m[P(x|m)]) - E_m[H(P(x|m))]       P(x|m): averaged over s; H in bits     (2)
//
// Where little is known this gallops, then it halves, then it repeats seeds where outcomes are uncertain. The prior (a
// guess from theory or from a neighbour) steers the choice of probes only; the estimate is of the likelihood alone.
// Success need not grow with x: before a column is called done, sentinels an octave above and below its interval are
// probed, and contradicted ones open the question again.
//
// Nothing here depends on time or on how many probes run at once: the same outcomes give the same probes.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace phasegrid::results::analysis {

struct BoundaryOptions {
  double tolerance = 0.25;  // octaves: done when the interval of log2 x* is no wider
  double cut = 6;           // 2 (l - l(m)) up to this belongs to the interval; calibrated for this design
  double lapse = 0.02;
  double least_information = 0.04;  // bits: probes worth less are not made; the values are too far apart to say more
  int probes_per_round = 1;         // that are chosen before the first of their outcomes is known
  int sentinels = 2;                // seeds on either side
  std::uint64_t budget = 0;         // probes; 0: no limit
};

struct Probe {
  std::size_t value;  // index
  int seed;           // 0, 1, ...: of each value its own
  bool operator==(const Probe&) const = default;
};

struct BoundaryEstimate {
  double log2_x = 0, low = 0, high = 0;  // low, high: -infinity, infinity where open
  bool monotone = true;                  // no sentinel contradicts the step
};

class BoundarySearch {
 public:
  // Values ascending and positive, with their counted costs; at most `seeds` probes of each. `guess`: log2 of where to
  // look first.
  BoundarySearch(std::vector<double> values, std::vector<double> costs, int seeds, std::optional<double> guess,
                 const BoundaryOptions& options);

  // The next probes; none when the search has ended. All outcomes of the round before must have been told.
  std::vector<Probe> next_round();
  void tell(const Probe& probe, bool success);  // of a probe that failed to run: do not ask again, tell nothing
  BoundaryEstimate estimate() const;
  std::uint64_t probes() const { return asked_total_; }

 private:
  std::optional<Probe> informative(const std::vector<double>& weights) const;
  std::optional<Probe> sentinel() const;
  double likelihood_of(std::size_t value, std::size_t hypothesis) const {
    return chance_[value * hypotheses() + hypothesis];
  }
  std::size_t hypotheses() const { return m_.size() * slopes_.size(); }
  void observe(std::vector<double>& log_likelihood, std::size_t value, bool success) const;
  std::vector<double> weights(const std::vector<double>& log_likelihood) const;

  BoundaryOptions options_;
  std::vector<double> values_, costs_;
  int seeds_;
  std::vector<double> m_, slopes_, chance_;         // chance_[value][m][slope], (1)
  std::vector<double> log_prior_, log_likelihood_;  // [m][slope]
  std::vector<int> asked_, told_, successes_;       // by value
  std::uint64_t asked_total_ = 0;
};

}  // namespace phasegrid::results::analysis
