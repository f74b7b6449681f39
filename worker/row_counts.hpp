// How many rows the operations of a cell work on, counted on a sample of its own batches (worker/layout.hpp).
#pragma once
#include "sweeps/settings.hpp"

namespace phasegrid::worker {

// Of one layer, per batch.
struct LayerCounts {
  double rows = 0, windows = 0, steps = 0, outputs = 0, gates = 0;
  double shared = 0;   // windows that sequences share
};

struct RowCounts {
  int vocab = 0, T = 0, most_scored = 0;  // of the task
  int channels = 0, outputs = 0;          // of a real-valued one
  bool noisy = false;                     // noise on embeddings
  double scored = 0;                      // per batch
  LayerCounts first, inner, last;         // first is also last where there is one layer
};

// `score_all`: as if every position were scored (tasks::score_every_position).
RowCounts count_rows(const sweeps::Settings& settings, bool score_all);

// Remembered by all that it depends on: safe to ask for millions of cells.
const RowCounts& row_counts(const sweeps::Settings& settings);

}  // namespace phasegrid::worker
