// Operations of models whose states do not depend on the input, on the device against the CPU.
#include <gtest/gtest.h>

#include "tests/cuda_on_cpu/walks.hpp"

namespace phasegrid::kernels::test {
namespace {

constexpr int kMost = kMostSteps * kMostSequences;

// Step sizes about 0.05, states that decay and turn.
S4dParameters<float> parameters(PackOf& pack, int modes, int D, bool is_complex, Discretisation rule) {
  S4dParameters<float> p{.log_dt = pack.parameter(1, D), .A_log = pack.parameter(modes, D), .B = pack.parameter(modes, D),
                         .C = pack.parameter(modes, D), .discretisation = rule};
  for (std::int64_t i = 0; i < p.log_dt.stride * kModels; ++i) p.log_dt.values[i] = p.log_dt.values[i] / 2 - 3;
  for (std::int64_t i = 0; i < p.A_log.stride * kModels; ++i) p.A_log.values[i] /= 2;
  if (!is_complex) return p;
  p.A_imag = pack.parameter(modes, D), p.B_imag = pack.parameter(modes, D), p.C_imag = pack.parameter(modes, D);
  for (std::int64_t i = 0; i < p.A_imag.stride * kModels; ++i) p.A_imag.values[i] *= 6;
  return p;
}

void check_s4d(int modes, int D, bool is_complex, Discretisation rule, bool add) {
  PackOf pack(kModels);
  Walks walks(pack);
  const Count rows = pack.count(walks.rows), outputs = pack.count(walks.outputs);
  S4d<float> op{.models = kModels,
                .parameters = parameters(pack, modes, D, is_complex, rule),
                .u = pack.rows(rows, kMost, D),
                .skip = pack.parameter(1, D),
                .walks = walks.walks,
                .output_row = {walks.output_row},
                .y = pack.rows(outputs, kMost, D),
                .most_steps = kMostSteps};
  op.u.add = add;
  op.scratch = pack.array<float>(s4d_scratch(kMostSteps));
  expect_agreement(op, &Operations<float>::s4d);
}
TEST(CudaDiagonal, S4dAgreesForEveryRule) {
  for (const auto rule : {Discretisation::euler, Discretisation::zoh, Discretisation::none})
    for (const bool is_complex : {false, true}) check_s4d(5, 19, is_complex, rule, false);
}
TEST(CudaDiagonal, S4dAgreesForEveryNumberOfModes) {
  for (const int modes : {1, 4, 9}) check_s4d(modes, 35, modes != 4, Discretisation::zoh, true);
}

TEST(CudaDiagonal, S4dKernelAgrees) {
  for (const bool is_complex : {false, true})
    for (const int T : {1, 16, 75}) {
      PackOf pack(kModels);
      const Count rows = pack.count({T, T, T});
      S4dKernel<float> op{.models = kModels, .parameters = parameters(pack, 5, 19, is_complex, Discretisation::zoh), .K = pack.rows(rows, T, 19)};
      expect_agreement(op, &Operations<float>::s4d_kernel);
    }
}

TEST(CudaDiagonal, LongConvAgrees) {
  for (const bool add : {false, true}) {
    PackOf pack(kModels);
    Walks walks(pack);
    const int D = add ? 35 : 19, T = kMostPositions;
    const Count rows = pack.count(walks.rows), outputs = pack.count(walks.outputs), times = pack.count({T, T, T});
    LongConv<float> op{.models = kModels,
                       .u = pack.rows(rows, T * kMostSequences, D),
                       .K = pack.rows(times, T, D),
                       .skip = pack.parameter(1, D),
                       .walks = walks.walks,
                       .output_row = {walks.output_row},
                       .y = pack.rows(outputs, kMost, D),
                       .integers = pack.array<std::int32_t>(2 * T)};
    op.u.add = op.K.add = add;
    op.scratch = pack.array<float>(long_conv_scratch(T));
    expect_agreement(op, &Operations<float>::long_conv);
  }
}

}  // namespace
}  // namespace phasegrid::kernels::test
