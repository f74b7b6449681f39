// The operations of B2S6 on the device against the CPU: blocks narrower and wider than a warp, real and complex states.
#include <gtest/gtest.h>

#include "tests/cuda_on_cpu/walks.hpp"

namespace phasegrid::kernels::test {
namespace {

TEST(CudaBlocks, StepSizesAgree) {
  for (const bool add : {false, true}) {
    PackOf pack(kModels);
    const Count rows = pack.count({37, 5, 0});
    const int D = add ? 42 : 36;
    BlockDelta<float> op{.models = kModels,
                         .blocks = add ? 1 : 9,
                         .u = pack.rows(rows, 40, D),
                         .w = pack.parameter(1, D),
                         .b = pack.parameter(1, D),
                         .delta = pack.rows(rows, 40, D),
                         .derivative = pack.rows(rows, 40, D, false)};
    op.u.add = add;
    expect_agreement(op, &Operations<float>::block_delta);
  }
}

// The larger has two chunks of rows in the gradient of W.
TEST(CudaBlocks, ProjectionsAgree) {
  for (const bool is_complex : {false, true}) {
    PackOf pack(kModels);
    const int most = is_complex ? 40 : 300, N = 5, D = 36, blocks = 3;
    const Count rows = pack.count(is_complex ? std::vector{37, 5, 0} : std::vector{300, 257, 256});
    BlockLinear<float> op{
        .models = kModels, .blocks = blocks, .x = pack.rows(rows, most, D), .W = pack.parameter(D, N)};
    if (is_complex) op.W_imag = pack.parameter(D, N);
    op.x.add = is_complex, op.y = pack.rows(rows, most, block_columns(N, blocks, is_complex));
    op.scratch = pack.array<float>(block_linear_scratch(D, N));
    expect_agreement(op, &Operations<float>::block_linear);
  }
}

struct Setting {
  int D, blocks, states;
  bool is_complex, bias, add;
  Discretisation rule = Discretisation::zoh;
};
void check(const Setting& s) {
  SCOPED_TRACE("D = " + std::to_string(s.D) + ", blocks = " + std::to_string(s.blocks));
  PackOf pack(kModels);
  Walks walks(pack);
  const Count rows = pack.count(walks.rows), outputs = pack.count(walks.outputs);
  const int most = kMostSteps * kMostSequences, columns = block_columns(s.states, s.blocks, s.is_complex);
  BlockScan<float> op{.models = kModels,
                      .blocks = s.blocks,
                      .discretisation = s.rule,
                      .u = pack.rows(rows, most, s.D),
                      .delta = pack.rows(rows, most, s.D),
                      .B = pack.rows(rows, most, columns),
                      .C = pack.rows(outputs, most, columns),
                      .A_log = pack.parameter(1, s.states),
                      .skip = pack.parameter(1, s.D),
                      .walks = walks.walks,
                      .output_row = {walks.output_row},
                      .y = pack.rows(outputs, most, s.D),
                      .most_steps = kMostSteps};
  if (s.is_complex) op.A_imag = pack.parameter(1, s.states);
  if (s.bias) op.bias = pack.parameter(s.states, s.D);
  if (s.bias && s.is_complex) op.bias_imag = pack.parameter(s.states, s.D);
  op.u.add = op.B.add = s.add, op.C.add = op.delta.add = !s.add;
  // Rows of B and C are zero between the blocks' numbers; so are their gradients.
  for (const Rows<float>* table : {&op.B, &op.C})
    for (std::int64_t i = 0; i < table->stride * kModels; ++i)
      if (i % padded(s.blocks) >= s.blocks) table->values[i] = table->grads[i] = 0;
  for (std::int64_t i = 0; i < op.delta.stride * kModels; ++i) op.delta.values[i] = std::fabs(op.delta.values[i]) / 4;
  op.scratch = pack.array<float>(block_scan_scratch(kMostSteps));
  expect_agreement(op, &Operations<float>::block_scan);
}

TEST(CudaBlocks, ScansAgreeForBlocksOfEveryWidth) {
  check({36, 3, 5, true, true, false}), check({70, 1, 4, false, true, true}), check({70, 2, 3, true, false, true});
  check({19, 19, 2, false, false, false}), check({20, 10, 1, true, true, false});
}
TEST(CudaBlocks, ScansAgreeForEveryRule) {
  for (const auto rule : {Discretisation::euler, Discretisation::none}) check({18, 3, 4, true, true, false, rule});
}

}  // namespace
}  // namespace phasegrid::kernels::test
