// The verb `plan`: says everything that can be wrong with a sweep, and what it will cost, before anything runs.
#pragma once
#include <cstdint>
#include <iosfwd>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "sweeps/cost_model.hpp"
#include "sweeps/grid.hpp"
#include "sweeps/thresholds.hpp"

namespace phasegrid::orchestrator {

struct PlanOptions {
  std::string sweep;  // path
  int workers = 0;    // 0: the cores that this process may use
  bool json = false;
};

// Prints the plan; returns the exit code 0. Throws sweeps::SweepError.
int plan(const PlanOptions& options, std::ostream& out);

// What `plan` finds out by going through all cells.
struct Range {
  std::uint64_t least = ~std::uint64_t{0}, most = 0;
};

struct ModelSizes {
  Range parameters, bytes;
};

struct Infeasible {
  std::uint64_t cells = 0, first = 0;  // how many, and the index of the first
};

// Theory of the cells that share their places on some axes.
struct Column {
  std::vector<std::size_t> at;  // one per axis of Survey::theory_axes
  std::vector<sweeps::Threshold> thresholds;
};

struct Survey {
  std::uint64_t runnable = 0, infeasible = 0;
  std::map<std::string, Infeasible> reasons;  // without their ", but ..."
  std::map<std::string, ModelSizes> models;   // by variant
  std::map<int, std::map<std::string, Infeasible>> lengths;  // of [eval] T that some runnable cells cannot have, and why
  sweeps::Jobs jobs;                          // runnable cells by predicted seconds
  bool may_stop_early = false;
  int most_replicas = 1;
  std::vector<std::size_t> theory_axes;  // along which thresholds change
  std::vector<Column> columns;
  std::uint64_t columns_left_out = 0;
};

// Cells of more replicas than workers count as infeasible.
Survey survey(const sweeps::Grid& grid, const sweeps::Rates& rates, int workers = std::numeric_limits<int>::max());

}  // namespace phasegrid::orchestrator
