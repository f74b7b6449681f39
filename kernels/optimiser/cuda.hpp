// One optimiser step of several models on the device: their settings in a table there, two launches for all.
#pragma once
#include "kernels/optimiser/optimiser.hpp"

namespace phasegrid::kernels::cuda {

struct PackUpdate {
  Update<float> update;  // of a model; segments on the device
  float c1, c2;          // 1 / (1 - beta^step)
};
PackUpdate pack_update(const Update<float>& update, const Segment* segments_on_device);

// Each model takes the next of its steps: `pack` [steps][models] and `turns` [models], of the steps that it has taken, are on the device.
// longest, size: numbers of the longest segment and of a model.
void update_pack(const PackUpdate* pack, std::int32_t* turns, int models, int segments, std::int64_t longest, std::int64_t size);

// Adds the losses and right answers (or null) of each model to its sums.
void add_to_tallies(const double* loss, const std::int64_t* right, Tally* sums, int models);

}  // namespace phasegrid::kernels::cuda
