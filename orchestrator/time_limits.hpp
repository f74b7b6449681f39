// How long a cell may take before it is stopped: what finished cells like it have taken, with much room.
//
//   limit = max(least, factor m e^(3 s + mu) cost)          cost: of the whole cell, to its last step, in a full pack
//
// For each family of cells, mu and s are the mean and the spread of
//   log r,   r = seconds / (cost * trained)       trained: the part of its steps after which a cell stopped by itself
// over finished cells, so that neither a cost model that is wrong for a family nor cells that are stopped early by
// their accuracy make the limit of the others short. s begins with one guess of 0.5. m >= 1 is how much slower than its
// family the cells of this machine have been; one that has finished none may be kUnknownMachine times slower. Before
// kEvidence cells of a family have finished there is no limit.
//
// Limits depend on time and therefore are outside the promise of equal results: they end what would not end.
#pragma once
#include <cstdint>
#include <limits>
#include <unordered_map>
#include <vector>

namespace phasegrid::orchestrator {

struct LogRates {                // sums over finished cells
  double cells = 0, sum = 0, squares = 0;
  void add(double cost, double trained, double seconds);
  void add(const LogRates& other) { cells += other.cells, sum += other.sum, squares += other.squares; }
  double mean() const { return sum / cells; }
  double spread() const;
};

class TimeLimits {
 public:
  static constexpr double kNone = std::numeric_limits<double>::infinity();
  static constexpr double kEvidence = 5, kUnknownMachine = 10;

  TimeLimits(double factor, double least) : factor_(factor), least_(least) {}   // factor kNone: no limits

  void learn(std::uint32_t family, const LogRates& before);     // of earlier runs, on machines that may be others
  void learn(std::uint32_t family, int node, double cost, double trained, double seconds);
  double limit(std::uint32_t family, int node, double cost) const;   // seconds; kNone: nothing is known
  double factor() const { return factor_; }

 private:
  struct Machine {
    double cells = 0, deviations = 0;                           // of log r from the family's mean
  };
  double slowness(int node) const;                              // m

  double factor_, least_;
  std::vector<LogRates> families_;
  std::unordered_map<int, Machine> machines_;
};

}  // namespace phasegrid::orchestrator
