// Embedding of distinct tokens, plus a table of positions where the network has one:
//
//   y[r] = table[token[r]] (+ positions[position[r]])
//
//   table (vocab, d)   positions (T, d)   y (rows, d)
#pragma once
#include "kernels/rows.hpp"

namespace phasegrid::kernels {

template <class Real>
struct Embedding {
  int models;
  Parameter<Real> table, positions;
  bool positional = false;           // with positions
  Index token, position;             // (rows)
  Rows<Real> y;

  template <class F> void each_input(F&&) {}
};

}  // namespace phasegrid::kernels
