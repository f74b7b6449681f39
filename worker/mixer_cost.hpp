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
  double activations = 0;       // numbers kept per row after the convolution, gradients not counted
  double read_activations = 0;  // and per position that is read
  double states = 0;            // numbers of working memory, whatever the batch
};

// Throws std::logic_error for a variant without a line.
MixerCost mixer_cost(const sweeps::Settings& settings);

}  // namespace phasegrid::worker
