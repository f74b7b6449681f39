// The maps of a batch, walked step by step, must lead back to the batch.
#include "worker/layout.hpp"

#include <gtest/gtest.h>

#include "tasks/task.hpp"

namespace phasegrid::worker {
namespace {

tasks::Batch random_batch(kernels::Random& random, int sequences, int T, int vocab, double filler, double scored) {
  tasks::Batch batch;
  batch.clear(T);
  for (int s = 0; s < sequences; ++s) {
    for (int t = 0; t < T; ++t) {
      batch.tokens.push_back(random.uniform() < filler ? 0 : static_cast<std::int32_t>(random.below(static_cast<std::uint32_t>(vocab))));
      if (random.uniform() < scored) batch.score(t, batch.tokens.back());
    }
    batch.end_sequence();
  }
  return batch;
}

// Follows the walk of one sequence and compares every step with the tokens it stands for. Returns the number of repeated steps.
int follow(const Layout& layout, const tasks::Batch& batch, const LayoutShape& shape, int s) {
  const LayerMaps& maps = layout.layer_maps(0, 0);
  const auto row_of = [&](int t) { return t < 0 ? -1 : batch.tokens[static_cast<std::size_t>(s) * batch.T + t]; };
  int t = 0, runs = 0;
  for (int i = maps.first_step[s]; i < maps.first_step[s + 1]; ++i) {
    const kernels::ScanStep step = maps.steps[i];
    runs += step.log2_repeats > 0;
    for (int repeat = 0; repeat < 1 << step.log2_repeats; ++repeat, ++t)
      for (int j = 0; j < shape.taps; ++j) {
        const std::int32_t input = maps.window[static_cast<std::size_t>(step.row) * shape.taps + j];
        const std::int32_t token = input < 0 ? -1 : layout.token()[0][input];
        EXPECT_EQ(token, row_of(t - j)) << "sequence " << s << " position " << t << " tap " << j;
      }
    if (step.output >= 0) {
      EXPECT_EQ(batch.position[step.output], t - 1);
      EXPECT_EQ(maps.output_row[step.output], step.row);
      EXPECT_EQ(layout.token()[0][maps.output_input[step.output]], row_of(t - 1));
      EXPECT_EQ(maps.gate_input[maps.output_gate[step.output]], maps.output_input[step.output]);
    }
  }
  const int scored = batch.first[s + 1] - batch.first[s];
  EXPECT_EQ(t, scored ? batch.position[batch.first[s + 1] - 1] + 1 : 0) << "nothing exists after the last scored position";
  return runs;
}

TEST(Layout, LeadsBackToEveryTokenOfRandomBatches) {
  int runs = 0, shared = 0;
  for (int trial = 0; trial < 300; ++trial) {
    kernels::Random random(3, 1, static_cast<std::uint64_t>(trial));
    const int sequences = 1 + static_cast<int>(random.below(9)), T = 4 + static_cast<int>(random.below(60)), vocab = 2 + static_cast<int>(random.below(20));
    const LayoutShape shape{.sequences = sequences, .T = T, .vocab = vocab, .taps = 1 + static_cast<int>(random.below(4)), .layers = 1, .most_scored = T};
    Layout layout(1, shape);
    const tasks::Batch batch = random_batch(random, sequences, T, vocab, random.uniform(), 0.2 * random.uniform());
    layout.set(0, batch);
    for (int s = 0; s < sequences; ++s) runs += follow(layout, batch, shape, s);
    shared += layout.layer_maps(0, 0).shared;
  }
  EXPECT_GT(runs, 100) << "the trials never saw a run of equal windows";
  EXPECT_GT(shared, 100) << "the trials never saw a shared window";
}

TEST(Layout, ReadsEveryPositionBelowTheLastLayer) {
  kernels::Random random(3, 1, 0);
  const LayoutShape shape{.sequences = 5, .T = 20, .vocab = 7, .taps = 3, .layers = 2, .most_scored = 20};
  Layout layout(1, shape);
  const tasks::Batch batch = random_batch(random, 5, 20, 7, 0.5, 0.2);
  layout.set(0, batch);
  int positions = 0;
  for (int s = 0; s < 5; ++s) positions += batch.first[s + 1] > batch.first[s] ? batch.position[batch.first[s + 1] - 1] + 1 : 0;
  EXPECT_EQ(layout.outputs(0)[0], positions);
  EXPECT_EQ(layout.rows(1)[0], positions);
  EXPECT_EQ(layout.outputs(1)[0], static_cast<int>(batch.label.size()));
}

TEST(Layout, RestsOnAnEmptyBatch) {
  const LayoutShape shape{.sequences = 5, .T = 20, .vocab = 7, .taps = 3, .layers = 2, .most_scored = 20};
  Layout layout(2, shape);
  kernels::Random random(3, 1, 0);
  layout.set(1, random_batch(random, 5, 20, 7, 0.5, 0.2));
  layout.set(1, tasks::Batch{});
  for (int layer = 0; layer < 2; ++layer) EXPECT_EQ(layout.outputs(layer)[1] + layout.rows(layer)[1] + layout.windows(layer)[1], 0);
}

}  // namespace
}  // namespace phasegrid::worker
