// Attention and soft sorting on the device against the CPU: less than a tile of positions and several, heads narrower and wider.
#include <gtest/gtest.h>

#include "tests/cuda_on_cpu/walks.hpp"

namespace phasegrid::kernels::test {
namespace {

void check_attention(int steps, int heads, int P, bool add) {
  SCOPED_TRACE("steps = " + std::to_string(steps));
  PackOf pack(kModels);
  Walks walks(pack, steps);
  const Count rows = pack.count(walks.rows), outputs = pack.count(walks.outputs);
  const int most = steps * kMostSequences, D = heads * P;
  Attention<float> op{.models = kModels,
                      .heads = heads,
                      .q = pack.rows(outputs, most, D),
                      .k = pack.rows(rows, most, D),
                      .v = pack.rows(rows, most, D),
                      .walks = walks.walks,
                      .y = pack.rows(outputs, most, D),
                      .most_steps = steps,
                      .most_outputs = steps};
  op.q.add = op.v.add = add, op.k.add = !add;
  op.scratch = pack.array<float>(attention_scratch(P, steps, steps));
  expect_agreement(op, &Operations<float>::attention);
}
TEST(CudaAttention, AgreesWithinATile) { check_attention(24, 1, 19, false), check_attention(20, 3, 5, true); }
TEST(CudaAttention, AgreesOverSeveralTiles) { check_attention(110, 2, 7, true), check_attention(70, 1, 35, false); }

// Sequences without shared rows; some scores are equal.
TEST(CudaSoftSort, AgreesBothWays) {
  for (const bool back : {false, true})
    for (const int T : {11, 70}) {
      SCOPED_TRACE("T = " + std::to_string(T));
      PackOf pack(kModels);
      Walk* walks = pack.array<Walk>(kModels);
      std::vector<std::int32_t> counts;
      for (const int sequences : {2, 1, 0}) {
        std::vector<std::int32_t> first{0};
        std::vector<ScanStep> steps;
        for (int s = 0; s < sequences; ++s) first.push_back(first.back() + T - 3 * s);
        for (std::int32_t row = 0; row < first.back(); ++row) steps.push_back({row, row, 0});
        const std::int32_t* firsts = pack.keep(first);
        walks[counts.size()] = {sequences, 0, pack.keep(steps), firsts, firsts, firsts};
        counts.push_back(first.back());
      }
      const Count rows = pack.count(counts);
      const int D = back ? 35 : 19;
      SoftSort<float> op{.models = kModels,
                         .x = pack.rows(rows, 2 * T, D),
                         .score = pack.rows(rows, 2 * T, 1),
                         .back = back,
                         .walks = walks,
                         .y = pack.rows(rows, 2 * T, D),
                         .most_steps = T};
      op.score.values[0] = op.score.values[5 * op.score.width], op.x.add = back, op.score.add = !back;
      op.scratch = pack.array<float>(softsort_scratch(T, D));
      expect_agreement(op, &Operations<float>::softsort);
    }
}

}  // namespace
}  // namespace phasegrid::kernels::test
