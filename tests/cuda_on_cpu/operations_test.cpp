// Every operation that has a cuda.cu against the CPU, on sizes that are not multiples of a block, in packs of three whose models
// have row counts of their own (one rests).
#include <gtest/gtest.h>

#include "tests/cuda_on_cpu/support.hpp"

namespace phasegrid::kernels::test {
namespace {

using Ops = Operations<float>;
constexpr int M = 3;

TEST(CudaOperations, Embedding) {
  for (const bool positional : {false, true})
    for (const bool noise : {false, true})
      for (const bool from_base : {false, true}) {
        PackOf pack(M);
        const Count rows = pack.count({37, 5, 0});
        Embedding<float> op{.models = M,
                            .table = pack.parameter(11, 19),
                            .positions = pack.parameter(9, 19),
                            .positional = positional,
                            .from_base = from_base};
        op.token = pack.map(rows, 1, [](int) { return 11; }), op.position = pack.map(rows, 1, [](int) { return 9; });
        if (from_base) op.base = pack.rows(rows, 40, 19), op.base.add = noise;
        if (noise) op.noise = pack.reals(rows, 19);
        op.y = pack.rows(rows, 40, 19);
        expect_agreement(op, &Ops::embedding);
      }
}

TEST(CudaOperations, Input) {
  PackOf pack(M);
  const Count rows = pack.count({37, 5, 0});
  expect_agreement(Input<float>{.models = M, .numbers = pack.reals(rows, 3), .y = pack.rows(rows, 40, 3)}, &Ops::input);
}

// Columns of several chunks of rows, whose sums the last block joins: of one, of a few and of none.
TEST(CudaOperations, NormOfManyRows) {
  PackOf pack(M);
  const Count rows = pack.count({700, 257, 0});
  Norm<float> op{.models = M, .x = pack.rows(rows, 700, 42), .w = pack.parameter(1, 42), .b = pack.parameter(1, 42), .layer = true};
  op.y = pack.rows(rows, 700, 42);
  expect_agreement(op, &Ops::norm);
}

TEST(CudaOperations, Norm) {
  for (const auto& [layer, groups] : {std::pair(false, 1), {true, 1}, {false, 3}})
    for (const bool add : {false, true}) {
      PackOf pack(M);
      const Count rows = pack.count({37, 5, 0});
      Norm<float> op{.models = M,
                     .x = pack.rows(rows, 40, 42),
                     .w = pack.parameter(1, 42),
                     .b = pack.parameter(1, 42),
                     .layer = layer,
                     .groups = groups};
      op.x.add = add, op.y = pack.rows(rows, 40, 42);
      expect_agreement(op, &Ops::norm);
    }
}

// The largest has two chunks of rows in the gradient of W.
struct Shape {
  std::vector<std::int32_t> rows;
  int most, in, out;
};
void check_linear(const Shape& s, Activation activation, bool transposed, bool bias, bool add) {
  PackOf pack(M);
  const Count rows = pack.count(s.rows);
  Linear<float> op{.models = M, .x = pack.rows(rows, s.most, s.in), .transposed = transposed, .activation = activation};
  op.W = transposed ? pack.parameter(s.out, s.in) : pack.parameter(s.in, s.out);
  if (bias) op.b = pack.parameter(1, s.out);
  op.y = pack.rows(rows, s.most, s.out), op.x.add = add;
  if (activation != Activation::identity)
    op.derivative = op.y, op.derivative.grads = nullptr,
    op.derivative.values = pack.rows(rows, s.most, s.out, false).values;
  op.scratch = pack.array<float>(linear_scratch<float>(s.in, s.out));
  expect_agreement(op, &Ops::linear);
}
TEST(CudaOperations, Linear) {
  check_linear({{37, 5, 0}, 40, 19, 33}, Activation::silu, false, true, false);
  check_linear({{37, 5, 0}, 40, 35, 70}, Activation::identity, true, true, true);
  check_linear({{1, 16, 32}, 32, 16, 16}, Activation::identity, false, false, false);
  check_linear({{300, 257, 256}, 300, 9, 5}, Activation::softplus, false, true, true);
}
TEST(CudaOperations, LinearWithEveryActivation) {
  for (const Activation kind : {Activation::identity, Activation::silu, Activation::relu, Activation::softplus,
                                Activation::sigmoid, Activation::one_plus_tanh})
    check_linear({{7, 5, 0}, 8, 3, 5}, kind, false, true, false);
}
TEST(CudaOperations, LinearWithoutInput) {
  PackOf pack(M);
  const Count rows = pack.count({37, 5, 0});
  Linear<float> op{.models = M,
                   .x = pack.rows(rows, 40, 4),
                   .b = pack.parameter(1, 19),
                   .activation = Activation::softplus,
                   .y = pack.rows(rows, 40, 19),
                   .derivative = pack.rows(rows, 40, 19, false)};
  expect_agreement(op, &Ops::linear);
}

TEST(CudaOperations, Conv) {
  for (const int taps : {0, 1, 2, 3, 4})
    for (const bool add : {false, true}) {
      PackOf pack(M);
      const Count rows = pack.count({11, 3, 1}), windows = pack.count({37, 5, 0});
      Conv<float> op{.models = M,
                     .taps = std::max(taps, 1),
                     .x = pack.rows(rows, 12, 35),
                     .activation = add ? Activation::identity : Activation::silu};
      if (taps > 0) op.w = pack.parameter(taps, 35), op.b = pack.parameter(1, 35);
      op.window = pack.map(
          windows, op.taps, [&](int m) { return rows[m]; }, taps > 0);
      op.u = pack.rows(windows, 40, 35), op.x.add = add;
      if (!add) op.derivative = pack.rows(windows, 40, 35, false);
      expect_agreement(op, &Ops::conv);
    }
}

// As of recall tasks: one row is held by most windows, and its readers fill many pieces of the list; of another model every row by few.
TEST(CudaOperations, ConvWithManyReadersOfARow) {
  PackOf pack(M);
  const Count rows = pack.count({2, 190, 1}), windows = pack.count({600, 300, 65});
  Conv<float> op{.models = M, .taps = 4, .x = pack.rows(rows, 200, 35), .w = pack.parameter(4, 35), .b = pack.parameter(1, 35)};
  op.activation = Activation::silu;
  op.window = pack.map(windows, 4, [&](int m) { return rows[m]; }, true);
  op.u = pack.rows(windows, 600, 35), op.derivative = pack.rows(windows, 600, 35, false);
  expect_agreement(op, &Ops::conv);
}

TEST(CudaOperations, Triangle) {
  PackOf pack(M);
  expect_agreement(Triangle<float>{.models = M,
                                   .U = pack.parameter(19, 7),
                                   .log = pack.parameter(1, 7),
                                   .W_B = pack.parameter(19, 7),
                                   .W_C = pack.parameter(19, 7),
                                   .sign = -1},
                   &Ops::triangle);
}

TEST(CudaOperations, Gather) {
  for (const bool base : {false, true}) {
    PackOf pack(M);
    const Count rows = pack.count({11, 3, 1}), picked = pack.count({37, 5, 0});
    Gather<float> op{
        .models = M, .x = pack.rows(rows, 12, 19), .index = pack.map(picked, 1, [&](int m) { return rows[m]; })};
    if (base) op.base = pack.rows(picked, 40, 19), op.x.add = true;
    op.y = pack.rows(picked, 40, 19);
    expect_agreement(op, &Ops::gather);
  }
}

TEST(CudaOperations, Gate) {
  PackOf pack(M);
  const Count rows = pack.count({11, 3, 1}), outputs = pack.count({37, 5, 0});
  Gate<float> op{.models = M,
                 .y = pack.rows(outputs, 40, 19),
                 .z = pack.rows(rows, 12, 19),
                 .row = pack.map(outputs, 1, [&](int m) { return rows[m]; }),
                 .o = pack.rows(outputs, 40, 19)};
  op.y.add = true;
  expect_agreement(op, &Ops::gate);
}

TEST(CudaOperations, CrossEntropy) {
  for (const bool mean : {true, false}) {
    PackOf pack(M);
    const Count rows = pack.count({37, 5, 0});
    CrossEntropy<float> op{.models = M,
                           .logits = pack.rows(rows, 40, 41, mean),
                           .label = pack.map(rows, 1, [](int) { return 41; }),
                           .loss = pack.array<double>(M),
                           .right = pack.array<std::int64_t>(M),
                           .mean = mean};
    op.logits.values[3] = op.logits.values[7];  // a tie
    op.logits.values[op.logits.width] = std::nanf("");
    CrossEntropy<float> device = op;
    device.loss = pack.array<double>(M), device.right = pack.array<std::int64_t>(M);
    operations<float>(cpu_kinds().back()).cross_entropy.forward(op);
    OnDevice<CrossEntropy<float>>(device, &Ops::cross_entropy).run();
    for (int m = 0; m < M; ++m) EXPECT_EQ(op.right[m], device.right[m]);
    for (int m = 1; m < M; ++m) EXPECT_NEAR(op.loss[m], device.loss[m], kTolerance * (1 + op.loss[m]));
    EXPECT_TRUE(std::isnan(device.loss[0])) << "a logit that is no number is a loss that is none";
    op.logits.values[op.logits.width] = 0;
    expect_agreement(op, &Ops::cross_entropy);
  }
}

TEST(CudaOperations, SquaredError) {
  PackOf pack(M);
  const Count rows = pack.count({37, 5, 0});
  SquaredError<float> op{
      .models = M, .y = pack.rows(rows, 40, 3), .target = pack.reals(rows, 3), .loss = pack.array<double>(M)};
  expect_agreement(op, &Ops::squared_error);
  std::vector<double> expected(op.loss, op.loss + M);
  OnDevice<SquaredError<float>>(op, &Ops::squared_error).run();
  for (int m = 0; m < M; ++m) EXPECT_NEAR(op.loss[m], expected[static_cast<std::size_t>(m)], kTolerance);
}

}  // namespace
}  // namespace phasegrid::kernels::test
