// Operations of models with diagonal and nearly diagonal states, on walks with runs of shared rows: the convolution with the impulse
// response of S4D against its recurrence, and that of S4 against a dense matrix.
#include <gtest/gtest.h>

#include <complex>
#include <vector>

#include "kernels/arena.hpp"
#include "kernels/operations.hpp"
#include "kernels/random.hpp"

namespace phasegrid::kernels {
namespace {

// Two sequences over rows 0 and 1 (shared) and rows of their own: steps of 1, 2, 4 .. 32 positions, some of them read.
struct TwoSequences {
  std::vector<ScanStep> steps{{2, -1, 0}, {0, -1, 5}, {3, 0, 0}, {0, -1, 1}, {1, -1, 3}, {1, 1, 0}, {4, 2, 0}, {5, 3, 0}, {6, 4, 0}, {7, 5, 0}, {0, -1, 4}, {8, 6, 0},
                              {9, -1, 0}, {1, -1, 2}, {10, 7, 0}};
  std::vector<std::int32_t> first_step{0, 12, 15}, first_row{2, 9, 11}, first_output{0, 7, 8}, output_row;
  Walk walk;
  const std::int32_t* output_pointer;
  std::int32_t rows = 11, outputs = 8, T = 70;

  TwoSequences() {
    for (const ScanStep& step : steps)
      if (step.output >= 0) output_row.push_back(step.row);
    output_pointer = output_row.data();
    walk = {2, 2, steps.data(), first_step.data(), first_row.data(), first_output.data()};
  }
};

template <class Real>
struct Tables {
  Arena arena;
  Random random{3, 1, 0};

  Rows<Real> rows(const std::int32_t& count, int columns) {
    Rows<Real> r;
    r.columns = columns, r.width = padded(columns), r.count = {&count}, r.stride = static_cast<std::int64_t>(count) * r.width;
    r.values = arena.allocate_array<Real>(static_cast<std::size_t>(r.stride)), r.grads = arena.allocate_array<Real>(static_cast<std::size_t>(r.stride));
    return r;
  }
  void fill(Real* p, int rows, int columns, int width, double mean, double deviation) {
    for (int r = 0; r < rows; ++r)
      for (int c = 0; c < columns; ++c) p[r * width + c] = static_cast<Real>(mean + deviation * random.normal());
  }
  Parameter<Real> parameter(int rows, int columns, double mean, double deviation) {
    const int width = padded(columns);
    Parameter<Real> p{arena.allocate_array<Real>(static_cast<std::size_t>(rows * width)), arena.allocate_array<Real>(static_cast<std::size_t>(rows * width)),
                      static_cast<std::int64_t>(rows) * width, rows, columns, width};
    fill(p.values, rows, columns, width, mean, deviation);
    return p;
  }
  Parameter<Real> same_values(const Parameter<Real>& p) {
    Parameter<Real> q = p;
    q.grads = arena.allocate_array<Real>(static_cast<std::size_t>(p.stride));
    return q;
  }
};

template <class Real>
void expect_near(const Real* a, const Real* b, std::int64_t n, double tolerance, const char* what) {
  double largest = 1e-3;
  for (std::int64_t i = 0; i < n; ++i) largest = std::max(largest, std::fabs(static_cast<double>(a[i])));
  for (std::int64_t i = 0; i < n; ++i) ASSERT_NEAR(static_cast<double>(a[i]), static_cast<double>(b[i]), tolerance * largest) << what << " " << i;
}

template <class Real>
void compare_s4d(bool is_complex, std::string_view kind, double tolerance) {
  const TwoSequences shape;
  constexpr int D = 21;
  const int modes = is_complex ? 5 : 10;
  Tables<Real> tables;
  Rows<Real> u = tables.rows(shape.rows, D), y = tables.rows(shape.outputs, D), K = tables.rows(shape.T, D);
  tables.fill(u.values, shape.rows, D, u.width, 0, 1), tables.fill(y.grads, shape.outputs, D, y.width, 0, 1);
  S4dParameters<Real> p;
  p.log_dt = tables.parameter(1, D, -3, 1), p.A_log = tables.parameter(modes, D, 0, 0.5);
  p.B = tables.parameter(modes, D, 1, 0.5), p.C = tables.parameter(modes, D, 0, 1);
  if (is_complex) p.A_imag = tables.parameter(modes, D, 5, 5), p.B_imag = tables.parameter(modes, D, 0, 1), p.C_imag = tables.parameter(modes, D, 0, 1);
  const Parameter<Real> skip = tables.parameter(1, D, 0, 1);
  const auto& operations = kernels::operations<Real>(kind);

  S4d<Real> recurrence{.models = 1, .parameters = p, .u = u, .skip = skip, .walks = &shape.walk, .output_row = {&shape.output_pointer}, .y = y};
  recurrence.scratch = tables.arena.template allocate_array<Real>(static_cast<std::size_t>(s4d_scratch(shape.T)));
  operations.s4d.forward(recurrence), operations.s4d.backward(recurrence);

  S4dParameters<Real> q = p;
  for (Parameter<Real>* each : {&q.log_dt, &q.A_log, &q.B, &q.C}) *each = tables.same_values(*each);
  if (is_complex)
    for (Parameter<Real>* each : {&q.A_imag, &q.B_imag, &q.C_imag}) *each = tables.same_values(*each);
  Rows<Real> u2 = tables.rows(shape.rows, D), y2 = tables.rows(shape.outputs, D);
  u2.values = u.values, y2.grads = y.grads;
  const S4dKernel<Real> kernel{.models = 1, .parameters = q, .K = K};
  LongConv<Real> conv{.models = 1, .u = u2, .K = K, .skip = tables.same_values(skip), .walks = &shape.walk, .output_row = {&shape.output_pointer}, .y = y2};
  conv.integers = tables.arena.template allocate_array<std::int32_t>(static_cast<std::size_t>(2 * shape.T));
  conv.scratch = tables.arena.template allocate_array<Real>(static_cast<std::size_t>(long_conv_scratch(shape.T)));
  operations.s4d_kernel.forward(kernel), operations.long_conv.forward(conv);
  operations.long_conv.backward(conv), operations.s4d_kernel.backward(kernel);

  expect_near(y.values, y2.values, y.stride, tolerance, "y");
  expect_near(u.grads, u2.grads, u.stride, tolerance, "d u");
  expect_near(skip.grads, conv.skip.grads, skip.stride, tolerance, "d skip");
  expect_near(p.log_dt.grads, q.log_dt.grads, p.log_dt.stride, tolerance, "d log_dt");
  expect_near(p.A_log.grads, q.A_log.grads, p.A_log.stride, tolerance, "d A_log");
  expect_near(p.B.grads, q.B.grads, p.B.stride, tolerance, "d B");
  expect_near(p.C.grads, q.C.grads, p.C.stride, tolerance, "d C");
  if (!is_complex) return;
  expect_near(p.A_imag.grads, q.A_imag.grads, p.A_imag.stride, tolerance, "d A_imag");
  expect_near(p.B_imag.grads, q.B_imag.grads, p.B_imag.stride, tolerance, "d B_imag");
  expect_near(p.C_imag.grads, q.C_imag.grads, p.C_imag.stride, tolerance, "d C_imag");
}

TEST(S4d, ConvolvesToWhatTheRecurrenceGivesInDouble) {
  for (const auto kind : cpu_kinds())
    for (const bool is_complex : {true, false}) compare_s4d<double>(is_complex, kind, 1e-12);
}
// 70 multiplications by a rounded decay, on either way: 70 x 2^-24 = 4e-6.
TEST(S4d, ConvolvesToWhatTheRecurrenceGivesInFloat) {
  for (const auto kind : cpu_kinds())
    for (const bool is_complex : {true, false}) compare_s4d<float>(is_complex, kind, 1e-5);
}

// w_{j+1} = (2 M - I) w_j by solving (I - delta/2 A) x = w with the dense A, one channel at a time.
TEST(S4Kernel, IsTheImpulseResponseOfTheDenseSystem) {
  using Complex = std::complex<double>;
  constexpr int D = 3, n = 4;
  const std::int32_t T = 12;
  Tables<double> tables;
  S4Kernel<double> op{.models = 1, .log_dt = tables.parameter(1, D, -1, 0.5), .A_log = tables.parameter(n, D, 0, 0.5), .A_imag = tables.parameter(n, D, 2, 2)};
  for (Parameter<double>* p : {&op.P, &op.P_imag, &op.Q, &op.Q_imag, &op.B, &op.B_imag, &op.C, &op.C_imag}) *p = tables.parameter(n, D, 0, 1);
  op.K = tables.rows(T, D);
  op.scratch = tables.arena.allocate_array<double>(static_cast<std::size_t>(s4_kernel_scratch(n, T)));
  operations<double>("cpu-portable").s4_kernel.forward(op);
  for (int c = 0; c < D; ++c) {
    const auto entry = [&](const Parameter<double>& re, const Parameter<double>& im, int i) { return Complex(re.values[i * re.width + c], im.values[i * im.width + c]); };
    const double delta = std::exp(op.log_dt.values[c]);
    const auto apply_M = [&](const std::vector<Complex>& w) {  // Gauss elimination without pivots: the diagonal dominates enough here
      std::vector<std::vector<Complex>> a(n, std::vector<Complex>(n + 1));
      for (int i = 0; i < n; ++i) {
        for (int k = 0; k < n; ++k) {
          Complex A = -entry(op.P, op.P_imag, i) * std::conj(entry(op.Q, op.Q_imag, k));
          if (i == k) A += Complex(-std::exp(op.A_log.values[i * op.A_log.width + c]), op.A_imag.values[i * op.A_imag.width + c]);
          a[i][k] = (i == k ? 1.0 : 0.0) - delta / 2 * A;
        }
        a[i][n] = w[i];
      }
      for (int i = 0; i < n; ++i)
        for (int k = 0; k < n; ++k) {
          if (k == i) continue;
          const Complex factor = a[k][i] / a[i][i];
          for (int l = 0; l <= n; ++l) a[k][l] -= factor * a[i][l];
        }
      std::vector<Complex> x(n);
      for (int i = 0; i < n; ++i) x[i] = a[i][n] / a[i][i];
      return x;
    };
    std::vector<Complex> w(n);
    for (int i = 0; i < n; ++i) w[i] = delta * entry(op.B, op.B_imag, i);
    w = apply_M(w);
    for (int j = 0; j < T; ++j) {
      Complex K = 0;
      for (int i = 0; i < n; ++i) K += entry(op.C, op.C_imag, i) * w[i];
      EXPECT_NEAR(op.K.values[j * op.K.width + c], 2 * K.real(), 1e-10 * std::max(1.0, std::abs(K))) << "channel " << c << ", lag " << j;
      const std::vector<Complex> Mw = apply_M(w);
      for (int i = 0; i < n; ++i) w[i] = 2.0 * Mw[i] - w[i];
    }
  }
}

}  // namespace
}  // namespace phasegrid::kernels
