// Runs the boundary search on columns whose every possible outcome is given, for a test that drew them.
//
//   boundary_sample TOLERANCE PROBES_PER_ROUND CUT LEAST_INFORMATION < table
//
// The table: the numbers of columns, values and seeds; the values; their costs; then for each column a guess (log2) and
// an outcome, 0 or 1, for each value and seed. Prints for each column: log2 x*, low, high, probes, cost, monotone.
#include <cmath>
#include <cstdlib>
#include <iostream>

#include "results/analysis/boundary.hpp"

int main(int count, char** arguments) {
  using namespace phasegrid::results::analysis;
  if (count != 5) return 2;
  BoundaryOptions options;
  options.tolerance = std::atof(arguments[1]);
  options.probes_per_round = std::atoi(arguments[2]);
  options.cut = std::atof(arguments[3]);
  options.least_information = std::atof(arguments[4]);
  std::size_t columns = 0, sizes = 0;
  int seeds = 0;
  std::cin >> columns >> sizes >> seeds;
  std::vector<double> values(sizes), costs(sizes);
  for (double& value : values) std::cin >> value;
  for (double& cost : costs) std::cin >> cost;
  std::vector<double> at;
  for (const double value : values) at.push_back(std::log2(value));
  const auto steps = std::make_shared<const LapsingSteps>(at);
  for (std::size_t column = 0; column < columns; ++column) {
    double guess = 0, spent = 0;
    int probes = 0;
    std::cin >> guess;
    std::vector<int> outcomes(sizes * static_cast<std::size_t>(seeds));
    for (int& outcome : outcomes) std::cin >> outcome;
    if (!std::cin) return 1;
    BoundarySearch search(steps, costs, seeds, guess, options);
    std::vector<Trials> told(sizes);
    for (auto round = search.next_round(); !round.empty(); round = search.next_round())
      for (const Probe& probe : round) {
        Trials& trials = told[probe.value];
        ++trials.made;
        trials.successes += outcomes[probe.value * static_cast<std::size_t>(seeds) + static_cast<std::size_t>(probe.seed)];
        search.outcomes(probe.value, trials);
        spent += costs[probe.value], ++probes;
      }
    const LapsingEstimate found = search.estimate();
    std::cout << found.at << ' ' << found.low << ' ' << found.high << ' ' << probes << ' ' << spent << ' '
              << found.monotone << '\n';
  }
}
