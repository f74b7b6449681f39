// The scan on the device against the CPU: sequences with shared rows and runs of them, every rule, every number of state blocks.
#include <gtest/gtest.h>

#include "tests/cuda_on_cpu/support.hpp"

namespace phasegrid::kernels::test {
namespace {

constexpr int M = 3, kShared = 2, kMostSteps = 24, kMostSequences = 3;

// Sequences of random steps: own rows in order, shared rows alone or in runs, every third step read.
struct Walks {
  std::vector<std::int32_t> rows, outputs;
  Walk* walks;
  const std::int32_t** output_row;

  explicit Walks(PackOf& pack) : walks(pack.array<Walk>(M)), output_row(pack.array<const std::int32_t*>(M)) {
    for (const int sequences : {3, 1, 0}) {
      std::vector<ScanStep> steps;
      std::vector<std::int32_t> read, first_step{0}, first_row{kShared}, first_output{0};
      std::int32_t row = kShared;
      for (int s = 0; s < sequences; ++s) {
        for (int i = 0; i < kMostSteps - 5 * s; ++i) {
          const bool shared = pack.random().below(3) == 0, is_read = i % 3 == 2;
          ScanStep step{shared ? static_cast<std::int32_t>(pack.random().below(kShared)) : row++, -1, 0};
          if (shared && !is_read) step.log2_repeats = static_cast<std::int32_t>(pack.random().below(4));
          if (is_read) step.output = static_cast<std::int32_t>(read.size()), read.push_back(step.row);
          steps.push_back(step);
        }
        first_step.push_back(static_cast<std::int32_t>(steps.size())), first_row.push_back(row),
            first_output.push_back(static_cast<std::int32_t>(read.size()));
      }
      const std::size_t m = rows.size();
      walks[m] = {sequences,
                  sequences > 0 ? kShared : 0,
                  pack.keep(steps),
                  pack.keep(first_step),
                  pack.keep(first_row),
                  pack.keep(first_output)};
      rows.push_back(sequences > 0 ? row : 0), outputs.push_back(static_cast<std::int32_t>(read.size()));
      output_row[m] = pack.keep(read);
    }
  }
};

struct Setting {
  int D, N;
  Discretisation rule;
  bool by_state, with_A, add;
};
void check(const Setting& s) {
  PackOf pack(M);
  Walks walks(pack);
  const Count rows = pack.count(walks.rows), outputs = pack.count(walks.outputs);
  const int most = kMostSteps * kMostSequences;
  Scan<float> op{.models = M,
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
  for (std::int64_t i = 0; i < op.delta.stride * M; ++i) op.delta.values[i] = std::fabs(op.delta.values[i]) / 4;
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
