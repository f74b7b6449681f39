// From a batch to rows: which rows are distinct, how windows and walks go through them, and which positions are read.
//
//   tokens   k1 v1 k2 v2  -  k2  -   -  k1  -        nothing exists after the last scored position
//   scored    .  .  .  .  .   x  .   .   x
//
// Layer 1 works on distinct tokens (or distinct pairs of token and position), later layers on positions. Windows of K rows that
// occur more often than there are sequences (the all-filler window of recall tasks) are shared: computed once, and a run of them is one
// step of the walk or a few. The last layer is read at scored positions, the others everywhere. Real-valued sequences, and noise on
// embeddings, leave nothing to share: rows are positions.
#pragma once
#include <memory>
#include <vector>

#include "kernels/reals.hpp"
#include "kernels/rows.hpp"
#include "kernels/scan/scan.hpp"
#include "tasks/task.hpp"

namespace phasegrid::worker {

enum class FirstRows : std::int32_t { tokens, pairs, positions };   // rows of layer 1: distinct tokens, pairs of token and position, all

struct LayoutShape {
  int sequences = 0, T = 0;    // at most
  int vocab = 0;
  int taps = 1;                // K, at least 1
  int layers = 1;
  int most_scored = 0;         // scored positions of one sequence
  bool positional = false;     // rows of layer 1 are pairs of token and position
  bool reordered = false;      // the mixer sees whole sequences and is read at every position, whatever is scored
  int positions_table = 0;     // rows of the position table: the longest T ever evaluated
  int channels = 0;            // of real-valued sequences, which have no tokens; 0: tokens
  bool noisy = false;          // noise on the embedding of every position

  bool apart() const { return channels > 0 || noisy; }   // every position is a row of its own: no two are equal
  FirstRows first_rows() const;
  bool shares_windows() const;                           // those of layer 1 that occur often
  std::int64_t positions() const { return static_cast<std::int64_t>(sequences) * T; }
  std::int64_t input_rows(int layer) const;
  std::int64_t outputs(int layer) const;
};

// The maps of one layer for one model.
struct LayerMaps {
  std::vector<std::int32_t> window;                              // (windows, K) -> input row, -1 before the start
  std::vector<kernels::ScanStep> steps;
  std::vector<std::int32_t> first_step, first_row, first_output;  // [sequences + 1]
  std::vector<std::int32_t> window_input;                        // (windows) -> input row of the window's own position
  std::vector<std::int32_t> output_row, output_input;            // (outputs) -> window row, input row
  std::vector<std::int32_t> output_window;                       // (outputs, K) -> input row: the windows that are read
  std::vector<std::int32_t> gate_input, output_gate;             // (gate rows) -> input row; (outputs) -> gate row
  int rows = 0, shared = 0;
  std::vector<kernels::ScanStep> every_step;                     // with `reordered`: each window is read where it is
  std::vector<std::int32_t> every_row;
};

// The same for all layers and all models of a pack, as operations read it. Addresses stay; contents change with every batch.
class Layout {
 public:
  Layout(int models, const LayoutShape& shape);
  Layout(const Layout&) = delete;

  // Working memory of set(): one for each thread that lays out models at the same time.
  struct Desk {
    std::vector<std::int32_t> length, row_of, row_at, window_at;      // by sequence, by token (and position), by position
    std::vector<std::uint64_t> window_key, hash_key;
    std::vector<std::int32_t> hash_count;
  };
  void set(int model, const tasks::Batch& batch, Desk& desk);   // an empty batch: the model rests
  void set(int model, const tasks::Batch& batch) { set(model, batch, desk_); }
  const LayoutShape& shape() const { return shape_; }
  int scored(int model) const { return counts_.back().outputs[model]; }

  struct Counts { std::vector<std::int32_t> rows, windows, outputs, gates; };
  struct Pointers { std::vector<const std::int32_t*> window, window_input, output_row, output_input, output_window, gate_input, output_gate, every_row; };

  kernels::Count rows(int layer) const { return {counts_[layer].rows.data()}; }
  kernels::Count windows(int layer) const { return {counts_[layer].windows.data()}; }
  kernels::Count outputs(int layer) const { return {counts_[layer].outputs.data()}; }
  kernels::Count gates(int layer) const { return {counts_[layer].gates.data()}; }
  const Pointers& maps(int layer) const { return pointers_[layer]; }
  const kernels::Walk* walks(int layer) const { return walks_[layer].data(); }
  // With `reordered`: windows are positions, each read where it is.
  const kernels::Walk* every_walk(int layer) const { return every_walks_[layer].data(); }
  // One sequence of all positions, the same for every model: what is computed from time alone walks it.
  const kernels::Walk* time_walk() const { return time_walks_.data(); }
  kernels::Index time_row() const { return {time_pointers_.data()}; }
  kernels::Index token() const { return {token_pointers_.data()}; }
  kernels::Index position() const { return {position_pointers_.data()}; }
  kernels::Index label() const { return {label_pointers_.data()}; }
  kernels::Reals numbers() const { return {number_pointers_.data()}; }   // (rows of layer 1, channels)
  kernels::Reals values() const { return {value_pointers_.data()}; }     // (scored, outputs)
  // Calls f(sequence, position) for every row of layer 1 of the model that was last set at a desk, in order, where positions are rows of their own.
  template <class F>
  static void each_row_apart(const Desk& desk, F&& f) {
    for (int s = 0; s < static_cast<int>(desk.length.size()); ++s)
      for (int t = 0; t < desk.length[s]; ++t) f(s, t);
  }
  const LayerMaps& layer_maps(int layer, int model) const { return maps_[layer][model]; }

 private:
  void first_layer_rows(int model, const tasks::Batch& batch, Desk& desk);
  void find_windows(int layer, int model, const tasks::Batch& batch, Desk& desk);
  void find_outputs(int layer, int model, const tasks::Batch& batch, Desk& desk);
  void publish(int model);
  void walk_time(int models);

  LayoutShape shape_;
  std::vector<std::vector<LayerMaps>> maps_;        // [layer][model]
  std::vector<Counts> counts_;
  std::vector<Pointers> pointers_;
  std::vector<std::vector<kernels::Walk>> walks_, every_walks_;
  std::vector<kernels::ScanStep> time_steps_;
  std::vector<std::int32_t> time_rows_, time_ends_;
  std::vector<kernels::Walk> time_walks_;
  std::vector<const std::int32_t*> time_pointers_;
  std::vector<std::vector<std::int32_t>> tokens_, positions_, labels_;  // [model]
  std::vector<const std::int32_t*> token_pointers_, position_pointers_, label_pointers_;
  std::vector<std::vector<float>> numbers_, values_;                    // [model]
  std::vector<const float*> number_pointers_, value_pointers_;
  Desk desk_;
};

}  // namespace phasegrid::worker
