// A sequence in the order of increasing scores, softly (SoftSort, arXiv 2006.16038; as in arXiv 2410.03292, docs/theory.md, 4.3):
//
//   P = softmax of each row of -|s_(i) - s_j|          s_(1) <= s_(2) <= ..: the scores sorted, equal ones as they stood
//   y_i = sum_j P[i][j] x_j          back:  y_j = sum_i P[i][j] x_i
//
// over the positions of each sequence.   x, y (positions, D)   score (positions, 1)
#pragma once
#include "kernels/scan/scan.hpp"

namespace phasegrid::kernels {

template <class Real>
struct SoftSort {
  int models;
  Rows<Real> x, score;
  bool back = false;        // from sorted places to where they came from
  const Walk* walks;        // [models]; no shared rows: the rows of a sequence are its positions
  Rows<Real> y;
  int most_steps = 0;       // of one sequence; 0: no more than there are rows
  Real* scratch = nullptr;  // softsort_scratch() numbers

  template <class F> void each_input(F&& f) { f(x), f(score); }
};

// Numbers of scratch for sequences of `most_steps` positions with D channels.
constexpr std::int64_t softsort_scratch(int most_steps, int D) {
  return static_cast<std::int64_t>(2 * most_steps + padded(D)) * padded(most_steps) + 2 * padded(most_steps);
}

}  // namespace phasegrid::kernels
