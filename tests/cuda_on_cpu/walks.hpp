// Walks of a pack of three models with three, one and no sequences, for the operations that walk.
#pragma once
#include "tests/cuda_on_cpu/support.hpp"

namespace phasegrid::kernels::test {

constexpr int kModels = 3, kShared = 2, kMostSteps = 24, kMostSequences = 3, kMostPositions = 8 * kMostSteps;

// Sequences of random steps: own rows in order, shared rows alone or in runs, every third step read.
struct Walks {
  std::vector<std::int32_t> rows, outputs;
  Walk* walks;
  const std::int32_t** output_row;

  explicit Walks(PackOf& pack, int most_steps = kMostSteps) : walks(pack.array<Walk>(kModels)), output_row(pack.array<const std::int32_t*>(kModels)) {
    for (const int sequences : {3, 1, 0}) {
      std::vector<ScanStep> steps;
      std::vector<std::int32_t> read, first_step{0}, first_row{kShared}, first_output{0};
      std::int32_t row = kShared;
      for (int s = 0; s < sequences; ++s) {
        for (int i = 0; i < most_steps - 5 * s; ++i) {
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

}  // namespace phasegrid::kernels::test
