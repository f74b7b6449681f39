// The counts of a run, and the sentences made of them: the live line, the plain line, the summary at the end.
#pragma once
#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "orchestrator/coordinator.hpp"
#include "sweeps/cell.hpp"

namespace phasegrid::orchestrator {

struct Now {                         // what changes from moment to moment
  double time = 0;                   // seconds, monotonic
  std::uint64_t running = 0, pending = 0;
  std::size_t slots = 0;
  Eta left;                          // predicted
};

bool counts_as_failed(sweeps::Status status);    // failed, timeout, out_of_memory, no room for its gang; a diverged cell is a result
std::string duration(double seconds);            // "7 s", "3 min 20 s", "5 h 02 min", "12 d 3 h"

class Tally {
 public:
  explicit Tally(double start) : start_(start) {}

  void found(const sweeps::CellResult& result);              // in the journal when the run began
  // label(): of the result's cell; asked for where it is shown.
  void add(const sweeps::CellResult& result, const std::function<std::string()>& label, double now);
  void infeasible(std::uint64_t cells) { infeasible_ = cells; }

  std::uint64_t recorded() const;                            // cells with a result
  std::uint64_t failed() const;
  std::uint64_t recorded_here() const { return here_; }
  std::string line(const Now& now) const;
  std::string summary(const Now& now, const std::string& utilisation, const std::string& results_file) const;

 private:
  void count(const sweeps::CellResult& result);
  double cells_per_minute(double now) const;

  double start_;
  std::array<std::uint64_t, 8> by_status_{};
  std::uint64_t here_ = 0, infeasible_ = 0;
  double best_ = sweeps::kNaN, cell_seconds_ = 0;
  std::string best_label_;
  std::deque<double> recent_;                                // times of the last results
  struct Failure {
    std::string reason, example;
    std::uint64_t cells = 0;
  };
  std::vector<Failure> failures_;                            // of this run, equal reasons together
};

}  // namespace phasegrid::orchestrator
