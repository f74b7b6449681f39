// What operations share that walk sequences (kernels/scan/scan.hpp): tables by step, sums over sequences, gradients of shared rows.
//
// Rows of a sequence's own are visited by exactly one step; a shared row by any number of steps of any sequence. Each sequence sums
// its own visits in the order of its steps, and these sums are joined in the order of the sequences.
#pragma once
#include "kernels/device/queue.hpp"
#include "kernels/rows.hpp"
#include "kernels/scan/capacity.hpp"

namespace phasegrid::kernels::cuda {

// Tables of a model's batch: so many sequences and steps, at most.
struct WalkRoom {
  std::int64_t sequences, steps;
};
inline WalkRoom walk_room(const Rows<float>& rows, int most_steps) {
  return {most_sequences(rows, most_steps), rows.stride / rows.width};
}

// dense[m][step][width] = values of the step's row.
void pack_steps(int models, const Rows<float>& rows, const Walk* walks, WalkRoom room, float* dense);

// The gradients of rows from dense[m][step][width]; `parts`: shared_size() numbers.
void unpack_steps(int models, const Rows<float>& rows, const Walk* walks, WalkRoom room, const float* dense, float* parts);
inline std::int64_t shared_size(int models, WalkRoom room, int width) {
  return models * room.sequences * kMostShared * width;
}

// The gradients of shared rows from parts[m][sequence][kMostShared][width].
void join_shared_rows(int models, const Rows<float>& rows, const Walk* walks, WalkRoom room, const float* parts);

// out[m][i] = the sum of parts[m][sequence][i], i < size.
void join_sequences(int models, const Walk* walks, WalkRoom room, std::int64_t size, const float* parts, float* out);

// The term skip u of an output, on the way back: adds to the gradients of u (already written) and of skip.
void pull_back_skip(int models, const Rows<float>& u, const Rows<float>& y, const Parameter<float>& skip, const Index& output_row);

}  // namespace phasegrid::kernels::cuda
