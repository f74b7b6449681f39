// A batch laid out on the device: what worker/layout.cpp makes on the host, number for number, from sequences that were drawn there.
#pragma once
#include <cstdint>

#include "kernels/scan/scan.hpp"
#include "tasks/device/draw.hpp"
#include "worker/layout.hpp"

namespace phasegrid::worker {

// Where the maps of one layer go: counts [models] and tables of each model's map. Null: nobody reads it.
struct LayerPlaces {
  std::int32_t *rows, *windows, *outputs, *gates;
  std::int32_t *const *window, *const *window_input, *const *output_row, *const *output_input, *const *output_window,
      *const *gate_input, *const *output_gate, *const *every_row;
  kernels::Walk *walks, *every_walks;
};

struct LayoutJob {
  tasks::Draws* draws;        // [models]; advanced at the end
  tasks::DrawnTables drawn;
  const LayerPlaces* layers;  // [layers]
  std::int32_t *const *token, *const *position, *const *label;  // null likewise
  int vocab, taps, layer_count;
  FirstRows first_rows;
  bool shared_windows, reordered;
};

void lay_out_on_device(const LayoutJob& job);

}  // namespace phasegrid::worker
