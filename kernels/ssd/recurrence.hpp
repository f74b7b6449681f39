// The recurrence (1), (2) of one packed sequence, state by state, and its adjoint: what the products of chunk.hpp are
// measured by.
//
//   G_t = C_t dy_t^T + a_{t+1} G_{t+1}      dC_t = h_t dy_t      d log a_t = a_t <G_t, h_{t-1}>
//   dx_t = w_t G_t^T B_t                    dB_t = w_t G_t x_t   d w_t = B_t^T G_t x_t
#pragma once
#include "kernels/ssd/scratch.hpp"
#include "kernels/vec.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

// y starts as skip x. States after every step stay in k.h.
template <class Real>
void recurrence_forward(const SsdScratch<Real>& k, int steps, int outputs) {
  std::memset(k.h, 0, static_cast<std::size_t>(k.state) * sizeof(Real));
  for (int i = 0, q = 0; i < steps; ++i) {
    const bool read = q < outputs && k.at[q] == i;
    for (int e = 0; e < k.heads; ++e) {
      const int group = e * k.groups / k.heads;
      const Real *B = k.B + i * k.B_width + group * k.N_width, *C = k.C + q * k.B_width + group * k.N_width,
                 *x = k.X + i * k.X_width + e * k.P_width;
      const Real a = k.a[e * k.steps + i], w = k.w[e * k.steps + i];
      for (int n = 0; n < k.N; ++n) {
        const Real* before = k.h + i * k.state + static_cast<std::int64_t>(e * k.N + n) * k.P_width;
        Real *h = k.h + (i + 1) * k.state + static_cast<std::int64_t>(e * k.N + n) * k.P_width,
             *y = k.Y + q * k.X_width + e * k.P_width;
        for (int p = 0; p < k.P_width; p += kLanes) {
          at(h + p) = a * at(before + p) + w * B[n] * at(x + p);  // (1)
          if (read) at(y + p) += C[n] * at(h + p);                // (2)
        }
      }
    }
    q += read;
  }
}

// d_X starts as what skip adds; d_B, d_C, d_a, d_w are overwritten.
template <class Real>
void recurrence_backward(const SsdScratch<Real>& k, int steps, int outputs) {
  std::memset(k.G, 0, static_cast<std::size_t>(k.state) * sizeof(Real));
  std::memset(k.d_B, 0, static_cast<std::size_t>(steps) * k.B_width * sizeof(Real));
  std::memset(k.d_C, 0, static_cast<std::size_t>(outputs) * k.B_width * sizeof(Real));
  for (int i = steps - 1, q = outputs - 1; i >= 0; --i) {
    const bool read = q >= 0 && k.at[q] == i;
    for (int e = 0; e < k.heads; ++e) {
      const std::int64_t column = e * k.groups / k.heads * k.N_width, channel = e * k.P_width;
      const Real *B = k.B + i * k.B_width + column, *x = k.X + i * k.X_width + channel;
      const Real a = k.a[e * k.steps + i], w = k.w[e * k.steps + i];
      Vec<Real> d_w{}, d_log_a{};
      for (int n = 0; n < k.N; ++n) {
        Real* G = k.G + static_cast<std::int64_t>(e * k.N + n) * k.P_width;
        const Real* before = k.h + i * k.state + (G - k.G);
        Vec<Real> d_B{}, d_C{};
        for (int p = 0; p < k.P_width; p += kLanes) {
          if (read) {
            const Vec<Real> d_y = at(k.d_Y + q * k.X_width + channel + p);
            d_C += d_y * at(before + k.state + p);
            at(G + p) += k.C[q * k.B_width + column + n] * d_y;
          }
          at(k.d_X + i * k.X_width + channel + p) += w * B[n] * at(G + p);
          d_B += at(G + p) * at(x + p);
          at(G + p) *= a;
          d_log_a += at(G + p) * at(before + p);
        }
        if (read) k.d_C[q * k.B_width + column + n] += sum_lanes<Real>(d_C);
        k.d_B[i * k.B_width + column + n] += w * sum_lanes<Real>(d_B);
        d_w += B[n] * d_B;
      }
      k.d_w[e * k.steps + i] = sum_lanes<Real>(d_w), k.d_a[e * k.steps + i] = sum_lanes<Real>(d_log_a);
    }
    q -= read;
  }
}

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
