// One cell trained for its weights, and given weights run on given tokens.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "worker/run_pack.hpp"

namespace phasegrid::worker {

struct Trained {
  sweeps::CellResult result;
  std::string model;                              // the [model] text of a weights file, vocab (or channels and outputs) included
  std::vector<sweeps::LabelledArray> weights;     // of the best validation evaluation, as weights files name and shape them
};
Trained train_cell(const sweeps::CellSpec& cell, const Device& device, const Observer& observer = {});

struct Application {
  int vocab = 0, batch = 0, T = 0;
  std::span<const std::int32_t> tokens, targets;  // [batch][T]; targets may be empty, kUnscored where there is none
  int channels = 0, outputs = 0;                  // of a real-valued model; 0: tokens
  std::span<const float> inputs, values;          // [batch][T][channels], [batch][T][outputs]; values may be empty, NaN where there is none
  bool float64 = false, gradients = false;
};

// logits [batch, T, vocab]; with targets also loss and accuracy over the scored positions, and gradients/<dataset> if asked for.
// Real-valued: outputs [batch, T, outputs]; with values also loss (mean squared error) and r2.
// `settings`: a cell whose [model] section describes the weights. Throws sweeps::SweepError: tokens outside the vocabulary,
// missing or misshapen weights, a batch of the other sort.
std::vector<sweeps::LabelledArray> apply(const sweeps::Settings& settings, const std::vector<sweeps::LabelledArray>& weights, const Application& what,
                                         const Device& device);

}  // namespace phasegrid::worker
