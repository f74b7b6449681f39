#include "sweeps/cost_model.hpp"

#include <algorithm>

namespace phasegrid::sweeps {

double predicted_seconds(const Cost& cost, const Rates& rates) {
  return cost.flops / rates.flop_rate + cost.exponentials / rates.exp_rate + cost.positions / rates.position_rate +
         cost.steps / rates.step_rate;
}

double counted_cost(const Cost& cost) { return cost.flops + kExponential * cost.exponentials; }

double total_seconds(const Jobs& jobs) {
  double total = 0;
  for (const auto& [seconds, count] : jobs) total += seconds * static_cast<double>(count);
  return total;
}

// Workers are kept as groups that become free at the same moment, so that a million equal jobs are dealt out in rounds.
double makespan(const Jobs& jobs, int workers) {
  std::map<double, std::uint64_t> free_at{{0.0, static_cast<std::uint64_t>(workers)}};
  for (auto [seconds, left] : jobs) {
    while (left > 0) {
      auto first = free_at.begin();
      const double when = first->first;
      const std::uint64_t group = first->second;
      free_at.erase(first);
      // All at the same moment: full rounds until the next group would be free, at least one.
      std::uint64_t rounds = 1;
      if (left >= group && seconds > 0) {
        const double until =
            free_at.empty() ? when + seconds * static_cast<double>(left / group) : free_at.begin()->first;
        rounds = std::max<std::uint64_t>(1, static_cast<std::uint64_t>((until - when) / seconds));
        rounds = std::min(rounds, left / group);
      }
      const std::uint64_t taken = std::min(left, group * rounds);
      if (taken == group * rounds) {
        free_at[when + seconds * static_cast<double>(rounds)] += group;
      } else {
        free_at[when + seconds] += taken, free_at[when] += group - taken;
      }
      left -= taken;
    }
  }
  return free_at.rbegin()->first;
}

}  // namespace phasegrid::sweeps
