#include "kernels/conv/conv.hpp"

#include "kernels/operation.hpp"
#include "kernels/parallel.hpp"
#include "kernels/vec.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

template <class Real>
void forward(const Conv<Real>& op) {
  for (int m = 0; m < op.models; ++m) {
    const std::int64_t width = op.x.width;
    const Real *x = op.x.value(m), *w = op.w ? op.w.value(m) : nullptr;
    parallel_rows(op.u.count[m], width * (op.taps + 2), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) {
        const std::int32_t* window = op.window[m] + r * op.taps;
        for (int c = 0; c < width; c += kLanes) {
          Vec<Real> z = w ? at(op.b.value(m) + c) : at(x + window[0] * width + c);
          for (int j = 0; w && j < op.taps; ++j)
            if (window[j] >= 0) z += at(w + j * width + c) * at(x + window[j] * width + c);
          const Pointwise<Vec<Real>> p = activate(op.activation, z);
          at(op.u.value(m) + r * width + c) = p.value;
          if (op.derivative.values) at(op.derivative.value(m) + r * width + c) = p.derivative;
        }
      }
    });
  }
}

// Rows of x repeat (filler), so several vectors of channels go side by side: independent chains of additions hide the wait.
template <class Real, int taps, int vectors>
void backward_block(const Conv<Real>& op, int m, int c) {
  const std::int64_t width = op.x.width;
  const Real *x = op.x.value(m), *w = op.w.value(m), *d_u = op.u.grad(m);
  const Real* derivative = op.derivative.values ? op.derivative.value(m) : nullptr;
  Real *d_x = op.x.grad(m), *d_w = op.w.grad(m), *d_b = op.b.grad(m);
  Vec<Real> sum_b[vectors], sum_w[taps * vectors], weight[taps * vectors];
  unrolled<vectors>([&](auto v) PHASEGRID_LAMBDA {
    sum_b[v] = at(d_b + c + v * kLanes);
    unrolled<taps>([&](auto j) PHASEGRID_LAMBDA {
      sum_w[j * vectors + v] = at(d_w + j * width + c + v * kLanes);
      weight[j * vectors + v] = at(w + j * width + c + v * kLanes);
    });
  });
  for (std::int64_t r = 0; r < op.u.count[m]; ++r) {
    const std::int32_t* window = op.window[m] + r * taps;
    Vec<Real> d_c[vectors];
    unrolled<vectors>([&](auto v) PHASEGRID_LAMBDA {
      const std::int64_t i = r * width + c + v * kLanes;
      d_c[v] = derivative ? at(d_u + i) * at(derivative + i) : at(d_u + i);
      sum_b[v] += d_c[v];
    });
    unrolled<taps>([&](auto j) PHASEGRID_LAMBDA {
      if (window[j] < 0) return;
      const std::int64_t i = window[j] * width + c;
      unrolled<vectors>([&](auto v) PHASEGRID_LAMBDA {
        sum_w[j * vectors + v] += d_c[v] * at(x + i + v * kLanes);
        at(d_x + i + v * kLanes) += weight[j * vectors + v] * d_c[v];
      });
    });
  }
  unrolled<vectors>([&](auto v) PHASEGRID_LAMBDA {
    at(d_b + c + v * kLanes) = sum_b[v];
    unrolled<taps>([&](auto j) PHASEGRID_LAMBDA { at(d_w + j * width + c + v * kLanes) = sum_w[j * vectors + v]; });
  });
}

template <class Real, int taps>
void backward_taps(const Conv<Real>& op, int m, int c, int end) {
  for (; c + 2 * kLanes <= end; c += 2 * kLanes) backward_block<Real, taps, 2>(op, m, c);
  if (c < end) backward_block<Real, taps, 1>(op, m, c);
}

template <class Real>
void backward_without_weights(const Conv<Real>& op, int m, int begin, int end) {
  const std::int64_t width = op.x.width;
  for (std::int64_t r = 0; r < op.u.count[m]; ++r)
    for (int c = begin; c < end; c += kLanes) {
      const Vec<Real> d_u = at(op.u.grad(m) + r * width + c);
      at(op.x.grad(m) + op.window[m][r] * width + c) += op.derivative.values ? d_u * at(op.derivative.value(m) + r * width + c) : d_u;
    }
}

template <class Real>
void backward(const Conv<Real>& op) {
  for (int m = 0; m < op.models; ++m) {
    if (!op.x.add) parallel_zero(op.x.grad(m), static_cast<std::int64_t>(op.x.count[m]) * op.x.width);
    parallel_columns(op.x.width, op.u.count[m] * (op.taps + 2), [&](int begin, int end) {
      if (!op.w) backward_without_weights(op, m, begin, end);
      else if (op.taps == 1) backward_taps<Real, 1>(op, m, begin, end);
      else if (op.taps == 2) backward_taps<Real, 2>(op, m, begin, end);
      else if (op.taps == 3) backward_taps<Real, 3>(op, m, begin, end);
      else backward_taps<Real, 4>(op, m, begin, end);
    });
  }
}

PHASEGRID_OPERATION(Conv)

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
