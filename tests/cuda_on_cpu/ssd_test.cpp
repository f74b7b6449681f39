// The state-space dual on the device against the CPU: one chunk and several, heads and groups wider and narrower than a tile.
#include <gtest/gtest.h>

#include "tests/cuda_on_cpu/walks.hpp"

namespace phasegrid::kernels::test {
namespace {

struct Setting {
  int steps, heads, groups, P, N;
  bool add;
};
void check(const Setting& s) {
  SCOPED_TRACE("steps = " + std::to_string(s.steps) + ", heads = " + std::to_string(s.heads));
  PackOf pack(kModels);
  Walks walks(pack, s.steps);
  const Count rows = pack.count(walks.rows), outputs = pack.count(walks.outputs), inputs = pack.count({11, 3, 0});
  const int most = s.steps * kMostSequences;
  Ssd<float> op{.models = kModels,
                .heads = s.heads,
                .groups = s.groups,
                .chunk = s.steps > 64 ? 64 : s.steps,
                .u = pack.rows(rows, most, s.heads * s.P),
                .delta = pack.rows(inputs, 11, s.heads),
                .B = pack.rows(rows, most, s.groups * s.N),
                .C = pack.rows(outputs, most, s.groups * s.N),
                .A_log = pack.parameter(1, s.heads),
                .skip = pack.parameter(1, s.heads),
                .walks = walks.walks,
                .window_input = pack.map(rows, 1, [&](int m) { return inputs[m]; }),
                .y = pack.rows(outputs, most, s.heads * s.P),
                .most_steps = s.steps,
                .most_outputs = s.steps};
  for (std::int64_t i = 0; i < op.delta.stride * kModels; ++i) op.delta.values[i] = std::fabs(op.delta.values[i]) / 8;
  op.u.add = op.C.add = s.add, op.B.add = op.delta.add = !s.add;
  op.scratch = pack.array<float>(ssd_scratch(op));
  expect_agreement(op, &Operations<float>::ssd);
}

TEST(CudaSsd, AgreesInOneChunk) { check({24, 1, 1, 19, 5, false}), check({24, 4, 2, 5, 3, true}); }
TEST(CudaSsd, AgreesInSeveralChunks) { check({70, 2, 1, 7, 4, false}), check({96, 1, 1, 16, 16, true}); }
TEST(CudaSsd, AgreesWithHeadsWiderThanATile) { check({45, 2, 2, 35, 40, true}); }

}  // namespace
}  // namespace phasegrid::kernels::test
