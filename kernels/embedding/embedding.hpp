// Embedding of distinct tokens, plus a table of positions where the network has one, plus noise that the batch brings along:
//
//   y[r] = table[token[r]] (+ positions[position[r]]) (+ noise[r])
//
//   table (vocab, d)   positions (T, d)   noise (rows, d), as data come   y (rows, d)
//
// Real-valued sequences have no table: `base` (rows, d), a projection of their numbers, stands in its place.
#pragma once
#include "kernels/reals.hpp"
#include "kernels/rows.hpp"

namespace phasegrid::kernels {

template <class Real>
struct Embedding {
  int models;
  Parameter<Real> table, positions;
  bool positional = false;           // with positions
  bool from_base = false;            // `base` instead of the table
  Index token, position;             // (rows)
  Rows<Real> base;
  Reals noise;                       // absent: none
  Rows<Real> y;

  template <class F> void each_input(F&& f) {
    if (from_base) f(base);
  }
};

}  // namespace phasegrid::kernels
