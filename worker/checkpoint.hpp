// What is kept of a cell whose training was interrupted: everything that its remaining steps depend on, so that any worker of the
// same device kind goes on with the same bits.
//
//   checkpoint   = header, payload
//   header       = magic, u64 key of the cell (settings, seed, device kind, numerics version), i64 step, u64 checksum of the payload
//   payload      = training?, best loss, evaluations since the best, train loss and steps since the last evaluation,
//                  the result so far (curve included), 4 x (parameters) floats: weights, both moments, weights of the best evaluation
//
// Random streams are counted, not advanced: data and noise of step n follow from n. Bytes lie as in memory (little-endian).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "worker/run_pack.hpp"

namespace phasegrid::worker {

// The header around a payload, and the payload inside it.
std::string seal_checkpoint(const sweeps::CellSpec& cell, const Device& device, std::int64_t step, std::string_view payload);

struct OpenCheckpoint {
  std::int64_t step = 0;
  std::string_view payload;   // into the bytes that were opened
};
// None where the bytes are torn, or of another cell, device kind or numerics version.
std::optional<OpenCheckpoint> open_checkpoint(std::string_view bytes, const sweeps::CellSpec& cell, const Device& device);

// A name for the checkpoint of a cell that stays the same when the sweep grows: its key in hexadecimal.
std::string checkpoint_name(const sweeps::CellSpec& cell, const Device& device);

// The given cells in groups of one step each, as run_pack wants them; places into `cells`. `states`: a checkpoint or "" for each
// cell; those that cannot be opened become "", and their cells begin.
std::vector<std::vector<std::size_t>> group_by_step(std::span<const sweeps::CellSpec> cells, const Device& device, std::vector<std::string>& states);

}  // namespace phasegrid::worker
