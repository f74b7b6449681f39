#include "worker/diagnostics/recurrence.hpp"

#include <cmath>

namespace phasegrid::worker {
namespace {

using kernels::Activation;
using kernels::Discretisation;

// (e^z - 1) / z. Near 0 the difference cancels: the series, whose first term left out is below 1e-17.
Complex exact_factor(Complex z) {
  if (std::abs(z) >= 0.05) return (std::exp(z) - 1.0) / z;
  Complex sum = 1;
  for (int k = 9; k >= 2; --k) sum = 1.0 + sum * z / static_cast<double>(k);
  return sum;
}

}  // namespace

double Recurrence::step_slope(int t, int column) const {
  const double value = delta(t, column);
  switch (step_activation) {
    case Activation::softplus:
      return -std::expm1(-value);
    case Activation::sigmoid:
      return value * (1 - value);
    case Activation::one_plus_tanh:
      return value * (2 - value);
    case Activation::relu:
      return value > 0 ? 1 : 0;
    default:
      return 1;
  }
}

Channel walk(const Recurrence& r, int c) {
  const int N = r.N, first = r.group_of[static_cast<std::size_t>(c)] * N;
  const Table<Complex> empty(r.T, N);
  Channel ch{empty, empty, empty, empty, empty, empty};
  for (int t = 0; t < r.T; ++t)
    for (int n = 0; n < N; ++n) {
      const double delta = r.step(t, c, n);
      const Complex z = delta * r.A(c, n);
      ch.a(t, n) = std::exp(z);
      switch (r.rule) {
        case Discretisation::euler:
          ch.f(t, n) = delta, ch.f_slope(t, n) = 1;
          break;
        case Discretisation::zoh:
          ch.f(t, n) = delta * exact_factor(z), ch.f_slope(t, n) = ch.a(t, n);
          break;
        case Discretisation::none:
          ch.f(t, n) = 1, ch.f_slope(t, n) = 0;
          break;
      }
      ch.B(t, n) = (r.B ? r.B(t, first + n) : 0.0) + (r.B_own ? r.B_own(c, n) : 0.0);
      ch.C(t, n) = (r.C ? r.C(t, first + n) : 0.0) + (r.C_own ? r.C_own(c, n) : 0.0);
      ch.h(t, n) = (t > 0 ? ch.a(t, n) * ch.h(t - 1, n) : 0.0) + ch.f(t, n) * ch.B(t, n) * r.x(t, c);  // (2)
    }
  return ch;
}

Table<Complex> last_state(const Recurrence& r) {
  Table<Complex> state(r.D, r.N);
  for (int c = 0; c < r.D; ++c) {
    const Channel ch = walk(r, c);
    for (int n = 0; n < r.N; ++n) state(c, n) = ch.h(r.T - 1, n);
  }
  return state;
}

Table<double> outputs(const Recurrence& r) {
  Table<double> y(r.T, r.D);
  for (int c = 0; c < r.D; ++c) {
    const Channel ch = walk(r, c);
    for (int t = 0; t < r.T; ++t) {
      y(t, c) = r.skip[static_cast<std::size_t>(c)] * r.x(t, c);
      for (int n = 0; n < r.N; ++n) y(t, c) += (ch.C(t, n) * ch.h(t, n)).real();  // (3)
    }
  }
  return y;
}

}  // namespace phasegrid::worker
