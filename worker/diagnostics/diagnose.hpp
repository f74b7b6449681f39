// What [diagnostics] of a sweep file asks for, recorded from a cell's weights and the first sequences of its test set:
// labelled arrays for /diagnostics of results.h5 (docs/results.md lists them). A pure function of the cell and the
// device kind.
#pragma once
#include <string_view>
#include <vector>

#include "sweeps/cell.hpp"
#include "worker/models/network.hpp"

namespace phasegrid::worker {

struct Wanted {
  bool decay = false, decay_channels = false, sensitivity = false, gradients = false, eigenvalues = false,
       state = false;
  int examples = 0;
  bool anything() const { return decay || decay_channels || sensitivity || gradients || eigenvalues || state; }
};
Wanted wanted(const sweeps::Settings& settings);

// Empty if nothing is asked for. `weights`: a flat buffer as `parameters` lays it out.
std::vector<sweeps::LabelledArray> diagnose(const sweeps::CellSpec& cell, const ModelSettings& model,
                                            const ParameterSet& parameters, const float* weights,
                                            std::string_view device_kind);

}  // namespace phasegrid::worker
