// What the mixer of one block costs: one function per variant, one line each in mixer_cost.cpp.
#pragma once
#include "sweeps/settings.hpp"

namespace phasegrid::worker {

struct MixerCost {
  double parameters = 0;        // all that the mixer declares: its own projections and convolutions too
  double flops = 0;             // of the forward pass, per row after the convolution
  double read_flops = 0;        // more, per position that is read
  double exponentials = 0;      // forward, per step of the walk
  double walked = 0;            // states updated per step of the walk, one by one; 0: the mixer does not walk
  // Numbers in tables. Those with gradients: per input row, per row after the convolution, per position that is read. Then what only the
  // way back needs, per input row and per row after the convolution; gradients not counted.
  double row_activations = 0, activations = 0, read_activations = 0;
  double row_kept = 0, kept = 0;
  double states = 0;            // working memory, whatever the batch
  double shared_states = 0;     // and for each row that sequences share
};

// Throws std::logic_error for a variant without a line.
MixerCost mixer_cost(const sweeps::Settings& settings);

}  // namespace phasegrid::worker
