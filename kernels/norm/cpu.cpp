#include "kernels/norm/norm.hpp"

#include <cmath>

#include "kernels/operation.hpp"
#include "kernels/vec.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

template <class Real> struct Statistics { Real mean, r; };

// Padding is zero in x, so sums over the whole width are sums over the columns; each padding number adds mean^2 to the variance.
template <class Real>
Statistics<Real> statistics(const Norm<Real>& op, const Real* x) {
  const Real d = static_cast<Real>(op.x.columns);
  Real mean = 0;
  if (op.layer) {
    Vec<Real> sum{};
    for (int i = 0; i < op.x.width; i += kLanes) sum += at(x + i);
    mean = sum_lanes<Real>(sum) / d;
  }
  Vec<Real> squares{};
  for (int i = 0; i < op.x.width; i += kLanes) squares += (at(x + i) - mean) * (at(x + i) - mean);
  const Real total = sum_lanes<Real>(squares) - static_cast<Real>(op.x.width - op.x.columns) * mean * mean;
  return {mean, 1 / std::sqrt(total / d + Real(1e-5))};
}

// RMS over parts of a row, which need not begin where a vector does: number by number.
template <class Real>
Real part_scale(const Real* x, int n) {
  Real squares = 0;
  for (int i = 0; i < n; ++i) squares += x[i] * x[i];
  return 1 / std::sqrt(squares / static_cast<Real>(n) + Real(1e-5));
}
template <class Real>
void forward_parts(const Norm<Real>& op, const Real* x, const Real* w, Real* y) {
  const int n = op.x.columns / op.groups;
  for (int g = 0; g < op.groups; ++g, x += n, w += n, y += n) {
    const Real r = part_scale(x, n);
    for (int i = 0; i < n; ++i) y[i] = x[i] * r * w[i];
  }
}
template <class Real>
void backward_parts(const Norm<Real>& op, const Real* x, const Real* w, const Real* d_y, Real* d_w, Real* d_x) {
  const int n = op.x.columns / op.groups;
  for (int g = 0; g < op.groups; ++g, x += n, w += n, d_y += n, d_w += n) {
    const Real r = part_scale(x, n);
    Real mean = 0;
    for (int i = 0; i < n; ++i) mean += d_y[i] * w[i] * x[i] * r, d_w[i] += d_y[i] * x[i] * r;
    mean /= static_cast<Real>(n);
    if (!d_x) continue;
    for (int i = 0; i < n; ++i) {
      const Real d = r * (d_y[i] * w[i] - x[i] * r * mean);
      d_x[i] = op.x.add ? d_x[i] + d : d;
    }
    d_x += n;
  }
}

template <class Real>
void forward(const Norm<Real>& op) {
  for (int m = 0; m < op.models; ++m)
    for (int r = 0; r < op.y.count[m]; ++r) {
      const Real* x = op.x.value(m) + static_cast<std::int64_t>(r) * op.x.width;
      Real* y = op.y.value(m) + static_cast<std::int64_t>(r) * op.y.width;
      if (op.groups > 1) {
        forward_parts(op, x, op.w.value(m), y);
        continue;
      }
      const Statistics<Real> s = statistics(op, x);
      for (int i = 0; i < op.x.width; i += kLanes) {
        at(y + i) = (at(x + i) - s.mean) * s.r * at(op.w.value(m) + i);  // padding: w = 0
        if (op.layer) at(y + i) += at(op.b.value(m) + i);
      }
    }
}

// With g = d_y w and n = (x - mean) r:   d_x = r (g - [layer] mean g - n mean(g n)).
template <class Real>
void backward(const Norm<Real>& op) {
  for (int m = 0; m < op.models; ++m)
    for (int row = 0; row < op.y.count[m]; ++row) {
      const Real *x = op.x.value(m) + static_cast<std::int64_t>(row) * op.x.width, *w = op.w.value(m);
      const Real* d_y = op.y.grad(m) + static_cast<std::int64_t>(row) * op.y.width;
      if (op.groups > 1) {
        backward_parts(op, x, w, d_y, op.w.grad(m), op.x.grads ? op.x.grad(m) + static_cast<std::int64_t>(row) * op.x.width : nullptr);
        continue;
      }
      const Statistics<Real> s = statistics(op, x);
      Vec<Real> sum_g{}, sum_gn{};
      for (int i = 0; i < op.x.width; i += kLanes) {
        const Vec<Real> n = (at(x + i) - s.mean) * s.r, g = at(d_y + i) * at(w + i);
        sum_g += g, sum_gn += g * n;
        at(op.w.grad(m) + i) += at(d_y + i) * n;
        if (op.layer) at(op.b.grad(m) + i) += at(d_y + i);
      }
      if (!op.x.grads) continue;
      const Real d = static_cast<Real>(op.x.columns);
      const Real mean_g = op.layer ? sum_lanes<Real>(sum_g) / d : 0, mean_gn = sum_lanes<Real>(sum_gn) / d;
      Real* d_x = op.x.grad(m) + static_cast<std::int64_t>(row) * op.x.width;
      for (int i = 0; i < op.x.width; i += kLanes) {
        Vec<Real> d = s.r * (at(d_y + i) * at(w + i) - mean_g - (at(x + i) - s.mean) * s.r * mean_gn);
        for (int lane = op.x.columns - i; lane < kLanes; ++lane)
          if (lane >= 0) d[lane] = 0;  // padding stays zero
        at(d_x + i) = op.x.add ? at(d_x + i) + d : d;
      }
    }
}

PHASEGRID_OPERATION(Norm)

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
