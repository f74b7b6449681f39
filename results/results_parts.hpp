// The parts of a results file; results_file.cpp puts them together.
#pragma once
#include "results/cube.hpp"

namespace phasegrid::results {

// One number of a result, with what a reader should know about it.
struct Quantity {
  const char* name;
  const char* long_name;
  const char* units;
  double (*of)(const sweeps::CellResult&);
};
const std::vector<Quantity>& quantities();
Attributes status_attributes();

struct Known {
  const Cube& cube;
  const RunState& state;
  std::vector<const sweeps::CellResult*> cells;  // by index; null where nothing is known
};

void write_settings(NetcdfGroup& root, const Cube& cube);  // scalar and auxiliary coordinates
void write_measured(NetcdfGroup& root, const Known& known);
void write_origins(NetcdfGroup& root, const Known& known);  // of each cell, where results of several are mixed
void write_best(NetcdfGroup& root, const Known& known);  // reduce = "max"
void write_theory(NetcdfGroup& root, const Cube& cube);
void write_trials(NetcdfGroup group, const Cube& cube, const RunState& state);
void write_curves(NetcdfGroup group, const Known& known);
void write_diagnostics(NetcdfGroup group, const Known& known);

}  // namespace phasegrid::results
