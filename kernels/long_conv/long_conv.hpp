// A convolution as long as the sequence, read out at given positions:
//
//   y_q = sum_{t <= q} K_{q - t} u_t + skip u_q                                                                   (1)
//   du_t = sum_q K_{q - t} dy_q + skip dy_t       dK_j = sum over pairs with q - t = j of dy_q u_t                (2)
//
//   u (windows, D)   K (T, D)   skip (1, D)   y (outputs, D)
//
// The walk is that of kernels/scan/scan.hpp. 2^i equal inputs in a row meet the sum of as many entries of K, which are summed once:
//   K^i_j = K_j + .. + K_{j + 2^i - 1} = K^{i-1}_j + K^{i-1}_{j + 2^{i-1}}                                         (3)
#pragma once
#include "kernels/rows.hpp"
#include "kernels/scan/scan.hpp"

namespace phasegrid::kernels {

template <class Real>
struct LongConv {
  int models;
  Rows<Real> u, K;
  Parameter<Real> skip;
  const Walk* walks;                 // [models]
  Index output_row;                  // (outputs) -> window row
  Rows<Real> y;
  std::int32_t* integers = nullptr;  // 2 T: of one sequence, when each step ends and which steps are read
  Real* scratch = nullptr;           // long_conv_scratch() numbers

  template <class F> void each_input(F&& f) { f(u), f(K); }
};

// For one vector of channels: K^i and its gradient, and u and its gradient of one sequence.
inline std::int64_t long_conv_scratch(int T) { return std::int64_t{2} * (kPowers + 1) * T * 16; }

}  // namespace phasegrid::kernels
