// The selective scan of S6, read out at given positions (docs/theory.md, 1.2):
//
//   a_t = exp(delta_t A)       A = -exp(A_log)
//   h_t = a_t h_{t-1} + f_t B_t u_t          h_0 = 0                      (1)
//   y_t = sum_n C_t[n] h_t[n] + skip u_t                                  (2)
//
//   u, delta (windows, D)   B (windows, N)   C, y (outputs, D or N)   A_log (N, D)   skip (1, D)   h (D, N)
//
// f_t is delta_t (euler, as the published models train), (a_t - 1) / A (zoh, the exact integral) or 1 (none).
//
// With `delta_by_state` the step size belongs to the state, delta (windows, N), and all channels share it: Mamba-Delta^T.
//
// The walk of a sequence visits rows through a list of steps. A row below `shared` may occur in many sequences; m of its
// steps in a row, none of them read, are one step of the walk (m = 2^log2_repeats), in closed form.
#pragma once
#include "kernels/rows.hpp"

namespace phasegrid::kernels {

enum class Discretisation : std::int32_t { euler, zoh, none };

struct ScanStep {
  std::int32_t row;              // of u, delta, B
  std::int32_t output;           // row of C and y to be read after this step, or -1
  std::int32_t log2_repeats;     // > 0 only for shared rows
};

constexpr int kMostShared = 4;   // shared rows, at most
constexpr int kPowers = 6;       // runs are cut into 1, 2, 4, .. 32 steps

// How one model's batch is walked.
struct Walk {
  int sequences = 0, shared = 0;
  const ScanStep* steps = nullptr;
  const std::int32_t* first_step = nullptr;    // [sequences + 1]
  const std::int32_t* first_row = nullptr;     // [sequences + 1]; rows of sequence s that are its own: [first_row[s], first_row[s + 1])
  const std::int32_t* first_output = nullptr;  // [sequences + 1]
};

template <class Real>
struct Scan {
  int models;
  Discretisation discretisation = Discretisation::euler;
  Rows<Real> u, delta, B, C;
  Parameter<Real> A_log, skip;   // either may be absent: A = `constant_A` everywhere, no skip
  Real constant_A = -1;
  bool delta_by_state = false;
  const Walk* walks;             // [models]
  Index output_row;              // (outputs) -> window row
  Rows<Real> y;
  int most_steps = 0, most_outputs = 0;  // of one sequence
  Real* scratch = nullptr;       // scan_scratch() numbers
  Real* kept = nullptr;          // on a device, when training: scan_kept() numbers, from the way forward to the way back

  template <class F> void each_input(F&& f) { f(u), f(delta), f(B), f(C); }
};

// Numbers of scratch for D channels, N states, `rows` window rows; how many of them each thread needs for itself.
std::int64_t scan_scratch(int D, int N, std::int64_t rows, int most_steps, int most_outputs);
std::int64_t scan_thread_scratch(int D, int N, int most_steps, int most_outputs);

}  // namespace phasegrid::kernels
