// y = act(x W + b), row by row. The workhorse: every projection of the network.
//
//   x (rows, in)   W (in, out), or (out, in) if `transposed` (a head tied to the embedding)   b (out)   y (rows, out)
//   d_z = d_y act'(z)      d_x = d_z W^T      d_W += x^T d_z      d_b += sum over rows of d_z
//
// Without W, y = act(b) in every row: step sizes that ignore their input.
#pragma once
#include "kernels/activation.hpp"
#include "kernels/rows.hpp"

namespace phasegrid::kernels {

template <class Real>
struct Linear {
  int models;
  Rows<Real> x;
  Parameter<Real> W, b;     // either may be absent
  bool transposed = false;
  Activation activation = Activation::identity;
  Rows<Real> y;
  Rows<Real> derivative;    // act'(z), kept for the way back; absent for the identity or when evaluating
  Real* scratch = nullptr;  // linear_scratch() numbers: W^T

  template <class F> void each_input(F&& f) { if (W) f(x); }
};

template <class Real>
std::int64_t linear_scratch(int in, int out) {
  return static_cast<std::int64_t>(padded(in)) * padded(out);
}

}  // namespace phasegrid::kernels
