// The constructions of docs/theory.md, section 3, as a table, and the weights of a cell with `init = "construction"`.
#pragma once
#include <string>
#include <vector>

#include "sweeps/cell.hpp"
#include "worker/models/constructions/construction.hpp"

namespace phasegrid::worker {

// Of one variant and task, those come first that `construction = "auto"` should prefer.
const std::vector<Construction>& all_constructions();
std::vector<std::string> construction_names();  // the words of the key `construction`: "auto", then each name once

// "" or why a cell that asks for a construction has none, beginning with a key's name.
std::string construction_fits(const sweeps::Settings& settings);

// The name of the construction that the cell starts from; "" if there is none.
std::string construction_name(const sweeps::Settings& settings);

// The construction of such a cell; asserts that it fits.
const Construction& construction_of(const sweeps::Settings& settings);
Case construction_case(const sweeps::Settings& settings);  // without keys: what sizes and rules need

// The weights that a cell with `init = "construction"` starts from, `init_noise` included, in a buffer of
// parameters.size().
void construct(const sweeps::CellSpec& cell, const ParameterSet& parameters, double* flat);

}  // namespace phasegrid::worker
