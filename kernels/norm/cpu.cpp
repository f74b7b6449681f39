#include "kernels/norm/norm.hpp"

#include <cmath>

#include "kernels/operation.hpp"
#include "kernels/parallel.hpp"
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
// Columns [first, last) of the gradient of w.
template <class Real>
void backward_part_weights(const Norm<Real>& op, const Real* x, const Real* d_y, Real* d_w, int first, int last) {
  const int n = op.x.columns / op.groups;
  for (int begin = 0; begin < op.x.columns; begin += n) {
    if (begin + n <= first || begin >= last) continue;
    const Real r = part_scale(x + begin, n);
    for (int i = begin < first ? first : begin; i < begin + n && i < last; ++i) d_w[i] += d_y[i] * x[i] * r;
  }
}
template <class Real>
void backward_parts(const Norm<Real>& op, const Real* x, const Real* w, const Real* d_y, Real* d_x) {
  const int n = op.x.columns / op.groups;
  for (int g = 0; g < op.groups; ++g, x += n, w += n, d_y += n, d_x += n) {
    const Real r = part_scale(x, n);
    Real mean = 0;
    for (int i = 0; i < n; ++i) mean += d_y[i] * w[i] * x[i] * r;
    mean /= static_cast<Real>(n);
    for (int i = 0; i < n; ++i) {
      const Real d = r * (d_y[i] * w[i] - x[i] * r * mean);
      d_x[i] = op.x.add ? d_x[i] + d : d;
    }
  }
}

template <class Real>
void forward_row(const Norm<Real>& op, int m, std::int64_t row) {
  const Real* x = op.x.value(m) + row * op.x.width;
  Real* y = op.y.value(m) + row * op.y.width;
  if (op.groups > 1) return forward_parts(op, x, op.w.value(m), y);
  const Statistics<Real> s = statistics(op, x);
  for (int i = 0; i < op.x.width; i += kLanes) {
    at(y + i) = (at(x + i) - s.mean) * s.r * at(op.w.value(m) + i);  // padding: w = 0
    if (op.layer) at(y + i) += at(op.b.value(m) + i);
  }
}

// What a row adds to columns [first, last) of the gradients of w and b.
template <class Real>
void backward_weights(const Norm<Real>& op, int m, std::int64_t row, int first, int last) {
  const Real *x = op.x.value(m) + row * op.x.width, *d_y = op.y.grad(m) + row * op.y.width;
  if (op.groups > 1) return backward_part_weights(op, x, d_y, op.w.grad(m), first, last);
  const Statistics<Real> s = statistics(op, x);
  for (int i = first; i < last; i += kLanes) {
    at(op.w.grad(m) + i) += at(d_y + i) * ((at(x + i) - s.mean) * s.r);
    if (op.layer) at(op.b.grad(m) + i) += at(d_y + i);
  }
}

// With g = d_y w and n = (x - mean) r:   d_x = r (g - [layer] mean g - n mean(g n)).
template <class Real>
void backward_input(const Norm<Real>& op, int m, std::int64_t row) {
  const Real *x = op.x.value(m) + row * op.x.width, *w = op.w.value(m), *d_y = op.y.grad(m) + row * op.y.width;
  Real* d_x = op.x.grad(m) + row * op.x.width;
  if (op.groups > 1) return backward_parts(op, x, w, d_y, d_x);
  const Statistics<Real> s = statistics(op, x);
  Vec<Real> sum_g{}, sum_gn{};
  for (int i = 0; i < op.x.width; i += kLanes) {
    const Vec<Real> n = (at(x + i) - s.mean) * s.r, g = at(d_y + i) * at(w + i);
    sum_g += g, sum_gn += g * n;
  }
  const Real columns = static_cast<Real>(op.x.columns);
  const Real mean_g = op.layer ? sum_lanes<Real>(sum_g) / columns : 0, mean_gn = sum_lanes<Real>(sum_gn) / columns;
  for (int i = 0; i < op.x.width; i += kLanes) {
    Vec<Real> d = s.r * (at(d_y + i) * at(w + i) - mean_g - (at(x + i) - s.mean) * s.r * mean_gn);
    for (int lane = op.x.columns - i; lane < kLanes; ++lane)
      if (lane >= 0) d[lane] = 0;  // padding stays zero
    at(d_x + i) = op.x.add ? at(d_x + i) + d : d;
  }
}

template <class Real>
void forward(const Norm<Real>& op) {
  for (int m = 0; m < op.models; ++m)
    parallel_rows(op.y.count[m], 2 * op.x.width, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) forward_row(op, m, row);
    });
}

// Several threads first share the rows, then the columns.
template <class Real>
void backward(const Norm<Real>& op) {
  const bool alone = pool_threads() == 1;
  for (int m = 0; m < op.models; ++m) {
    const std::int64_t rows = op.y.count[m];
    if (alone || op.x.grads)
      parallel_rows(rows, 3 * op.x.width, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t row = begin; row < end; ++row) {
          if (alone) backward_weights(op, m, row, 0, op.x.width);
          if (op.x.grads) backward_input(op, m, row);
        }
      });
    if (!alone)
      parallel_columns(op.x.width, 2 * rows, [&](int first, int last) {
        for (std::int64_t row = 0; row < rows; ++row) backward_weights(op, m, row, first, last);
      });
  }
}

PHASEGRID_OPERATION(Norm)

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
