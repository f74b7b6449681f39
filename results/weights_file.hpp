// Weights files (docs/design.md 4.4): HDF5 with the names and shapes of the public modules.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "sweeps/cell.hpp"

namespace phasegrid::results {

struct WeightsFile {
  std::string model;                          // the TOML [model] text, with vocab, that makes the weights meaningful
  std::vector<sweeps::LabelledArray> arrays;  // a leading "backbone." is stripped when reading
};
WeightsFile read_weights(const std::filesystem::path& path);  // throws sweeps::SweepError: what is missing or malformed
void write_weights(const std::filesystem::path& path, const WeightsFile& weights);

// What `apply` writes: arrays under their names ("logits", "loss", "gradients/embedding.weight"), as float64 or
// float32.
void write_arrays(const std::filesystem::path& path, const std::vector<sweeps::LabelledArray>& arrays, bool float64);

}  // namespace phasegrid::results
