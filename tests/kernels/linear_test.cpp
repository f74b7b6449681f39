// The matrix product and the activations against plain loops and libm, on every instruction set and on awkward sizes.
#include "kernels/linear/linear.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/kernels/support.hpp"

namespace phasegrid::kernels::test {
namespace {

class LinearOnEveryKind : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Cpu, LinearOnEveryKind, testing::ValuesIn(kinds()), [](const auto& info) { return name_of(info.param); });

template <class Real>
double plain_forward(const Linear<Real>& op, int r, int o) {
  double sum = op.b.value(0)[o];
  for (int i = 0; i < op.x.columns; ++i) sum += static_cast<double>(op.x.value(0)[r * op.x.width + i]) * op.W.value(0)[i * op.W.width + o];
  return sum;
}

TEST_P(LinearOnEveryKind, MultipliesMatricesOfEverySize) {
  for (const std::int32_t rows : {1, 2, 7, 13, 64, 101})
    for (const int in : {1, 5, 16, 33, 300})
      for (const int out : {1, 16, 17, 48, 70, 129}) {
        Tables<double> tables(rows * 1000 + in * 10 + out);
        Linear<double> op{.models = 1, .x = tables.rows(rows, in), .W = tables.parameter(in, out), .b = tables.parameter(1, out), .y = tables.rows(rows, out)};
        op.scratch = tables.scratch(linear_scratch<double>(in, out));
        operations<double>(GetParam()).linear.forward(op);
        for (int r = 0; r < rows; ++r)
          for (int o = 0; o < out; ++o) ASSERT_NEAR(op.y.value(0)[r * op.y.width + o], plain_forward(op, r, o), 1e-11) << rows << "x" << in << "x" << out;
        operations<double>(GetParam()).linear.backward(op);
        for (int i = 0; i < in; ++i) {
          double d_x = 0, d_W = 0;
          for (int o = 0; o < out; ++o) d_x += op.y.grad(0)[(rows - 1) * op.y.width + o] * op.W.value(0)[i * op.W.width + o];
          for (int r = 0; r < rows; ++r) d_W += op.x.value(0)[r * op.x.width + i] * op.y.grad(0)[r * op.y.width + out - 1];
          ASSERT_NEAR(op.x.grad(0)[(rows - 1) * op.x.width + i], d_x, 1e-11);
          ASSERT_NEAR(op.W.grad(0)[i * op.W.width + out - 1], d_W, 1e-11);
        }
      }
}

TEST_P(LinearOnEveryKind, GivesARowTheSameBitsWhateverItsNeighbours) {
  const std::int32_t many = 57, one = 1;
  Tables<float> tables;
  Linear<float> op{.models = 1, .x = tables.rows(many, 37), .W = tables.parameter(37, 90), .b = tables.parameter(1, 90), .activation = Activation::silu, .y = tables.rows(many, 90)};
  op.scratch = tables.scratch(linear_scratch<float>(37, 90));
  operations<float>(GetParam()).linear.forward(op);
  for (const int r : {0, 11, 56}) {
    Linear<float> alone = op;
    alone.x.values += r * op.x.width, alone.x.count = {&one};
    alone.y = tables.rows(one, 90);
    operations<float>(GetParam()).linear.forward(alone);
    for (int o = 0; o < 90; ++o) ASSERT_EQ(alone.y.values[o], op.y.values[r * op.y.width + o]);
  }
}

double exact(Activation kind, double z) {
  switch (kind) {
    case Activation::identity: return z;
    case Activation::silu: return z / (1 + std::exp(-z));
    case Activation::relu: return std::max(z, 0.0);
    case Activation::softplus: return std::max(z, 0.0) + std::log1p(std::exp(-std::fabs(z)));
    case Activation::sigmoid: return 1 / (1 + std::exp(-z));
    case Activation::one_plus_tanh: return 1 + std::tanh(z);
  }
  return 0;
}

// Float activations are exact to a few units of the last place of their largest term; double ones to 1e-14.
TEST_P(LinearOnEveryKind, ActivatesAsLibmDoes) {
  for (const Activation kind : {Activation::identity, Activation::silu, Activation::relu, Activation::softplus, Activation::sigmoid, Activation::one_plus_tanh}) {
    const std::int32_t rows = 4001;
    const auto check = [&]<class Real>(Real, double tolerance) {
      Tables<Real> tables;
      const Rows<Real> x = tables.rows(rows, 1);
      Linear<Real> op{.models = 1, .x = x, .W = tables.parameter(1, 1), .activation = kind, .y = tables.rows(rows, 1), .derivative = tables.rows(rows, 1)};
      op.W.values[0] = 1;
      op.scratch = tables.scratch(linear_scratch<Real>(1, 1));
      for (int r = 0; r < rows; ++r) op.x.values[r * x.width] = static_cast<Real>((r - 2000) * 0.02);
      operations<Real>(GetParam()).linear.forward(op);
      for (int r = 0; r < rows; ++r) {
        const double z = static_cast<double>(x.values[r * x.width]), value = exact(kind, z);
        ASSERT_NEAR(op.y.values[r * op.y.width], value, tolerance * std::max(1.0, std::fabs(value))) << "z = " << z;
        if (kind == Activation::identity || std::fabs(z) < 1e-3) continue;  // nothing is kept for it; relu's kink
        const double slope = (exact(kind, z + 1e-6) - exact(kind, z - 1e-6)) / 2e-6;
        ASSERT_NEAR(op.derivative.values[r * op.derivative.width], slope, 1e-6) << "z = " << z;
      }
    };
    check(float{}, 1e-6);
    check(double{}, 1e-14);
  }
}

}  // namespace
}  // namespace phasegrid::kernels::test
