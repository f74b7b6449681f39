// Sequences drawn on the device: the same integers as Task::draw makes on the host (recipe.hpp), one thread a sequence.
#pragma once
#include <cstdint>

#include "tasks/recipe.hpp"

namespace phasegrid::tasks {

// What one model draws next: sequences [begin, begin + batch) of a stream, but none from `end` on. On the device, where every batch
// advances it.
struct Draws {
  Recipe recipe;
  std::uint64_t key;
  std::uint32_t stream;
  std::int32_t batch;
  std::int64_t begin, end;
  std::int64_t scored;  // positions of all batches so far

  HD int sequences() const {
    const std::int64_t left = end - begin;
    return left <= 0 ? 0 : left < batch ? static_cast<int>(left) : batch;
  }
};

// Of M models, each with room for `sequences` of T positions; `targets` are labels at scored positions and kUnscored elsewhere.
// cells: of one sequence; cell i of sequence s of model m is at ((m blocks + s / 32) cells + i) 32 + s % 32, blocks = drawn_blocks(sequences).
struct DrawnTables {
  std::int32_t *tokens, *targets;
  std::uint32_t* zeros;  // cells
  int models, sequences, T, cells;
};
constexpr int kDrawnTogether = 32;  // sequences: a warp
HD constexpr int drawn_blocks(int sequences) { return (sequences + kDrawnTogether - 1) / kDrawnTogether; }
inline std::int64_t drawn_cells(const DrawnTables& t) {
  return static_cast<std::int64_t>(t.models) * drawn_blocks(t.sequences) * kDrawnTogether * t.cells;
}

// `draws` and everything in `to`: on the device. Does not advance.
void draw_on_device(const Draws* draws, const DrawnTables& to);

}  // namespace phasegrid::tasks
