// The scan on the device against the CPU: sequences with shared rows and runs of them, every rule, every number of state blocks.
#include <gtest/gtest.h>

#include "tests/cuda_on_cpu/walks.hpp"

namespace phasegrid::kernels::test {
namespace {

struct Setting {
  int D, N;
  Discretisation rule;
  bool by_state, with_A, add;
};
void check(const Setting& s) {
  PackOf pack(kModels);
  Walks walks(pack);
  const Count rows = pack.count(walks.rows), outputs = pack.count(walks.outputs);
  const int most = kMostSteps * kMostSequences;
  Scan<float> op{.models = kModels,
                 .discretisation = s.rule,
                 .u = pack.rows(rows, most, s.D),
                 .delta = pack.rows(rows, most, s.by_state ? s.N : s.D),
                 .B = pack.rows(rows, most, s.N),
                 .C = pack.rows(outputs, most, s.N),
                 .constant_A = -0.5f,
                 .delta_by_state = s.by_state,
                 .walks = walks.walks,
                 .output_row = {walks.output_row},
                 .y = pack.rows(outputs, most, s.D),
                 .most_steps = kMostSteps,
                 .most_outputs = kMostSteps};
  if (s.with_A) op.A_log = pack.parameter(s.N, s.D), op.skip = pack.parameter(1, s.D);
  op.u.add = op.B.add = s.add, op.C.add = op.delta.add = !s.add;
  for (std::int64_t i = 0; i < op.delta.stride * kModels; ++i) op.delta.values[i] = std::fabs(op.delta.values[i]) / 4;
  op.scratch = pack.array<float>(scan_scratch(s.D, s.N, most, op.most_steps, op.most_outputs));
  SCOPED_TRACE("D = " + std::to_string(s.D) + ", N = " + std::to_string(s.N) + ", rule " +
               std::to_string(static_cast<int>(s.rule)) + (s.by_state ? ", by state" : ""));
  expect_agreement(op, &Operations<float>::scan);
}

TEST(CudaScan, AgreesForEveryRule) {
  for (const auto rule : {Discretisation::euler, Discretisation::zoh, Discretisation::none})
    for (const bool by_state : {false, true}) check({19, 5, rule, by_state, true, false});
}
TEST(CudaScan, AgreesForEveryNumberOfStates) {
  for (const int N : {1, 4, 8, 11, 17}) check({35, N, Discretisation::euler, N == 11, true, true});
}
TEST(CudaScan, AgreesWithoutParameters) { check({1, 3, Discretisation::zoh, false, false, false}); }

}  // namespace
}  // namespace phasegrid::kernels::test
