// What an evaluation says: accuracy, R2, mean loss; and the noise that a batch brings to its embeddings.
#include "worker/score.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/worker/support.hpp"

namespace phasegrid::worker::test {
namespace {

tasks::Batch batch_of(const std::vector<float>& values, int outputs) {
  tasks::Batch batch;
  batch.clear(1);
  batch.channels = 1, batch.outputs = outputs;
  for (std::size_t i = 0; i < values.size(); i += static_cast<std::size_t>(outputs)) {
    batch.inputs.push_back(0), batch.score(0, std::span(values).subspan(i, static_cast<std::size_t>(outputs)));
    batch.end_sequence();
  }
  return batch;
}

TEST(Score, IsTheShareOfRightAnswersForLabels) {
  Scorer scorer;
  scorer.saw({}), scorer.add(3, 5, 8), scorer.add(1, 1, 2);
  EXPECT_EQ(scorer.score().accuracy, 0.6);
  EXPECT_EQ(scorer.score().loss, 0.4);
}

TEST(Score, IsRSquaredForNumbersInPiecesAsInOne) {
  const std::vector<float> values = {1, 10, 2, 30, 4, -5, -3, 8}, answers = {1.5, 9, 2, 33, 3, -5, -3, 7};
  double error = 0, spread = 0;
  for (std::size_t o = 0; o < 2; ++o) {
    double mean = 0;
    for (std::size_t i = o; i < 8; i += 2) mean += values[i] / 4, error += std::pow(values[i] - answers[i], 2);
    for (std::size_t i = o; i < 8; i += 2) spread += std::pow(values[i] - mean, 2);
  }
  Scorer scorer;   // the network's loss of a piece: the sum over positions of the mean over outputs
  for (const std::size_t piece : {0, 4}) {
    double loss = 0;
    for (std::size_t i = piece; i < piece + 4; ++i) loss += std::pow(values[i] - answers[i], 2) / 2;
    scorer.saw(batch_of({values.begin() + static_cast<std::ptrdiff_t>(piece), values.begin() + static_cast<std::ptrdiff_t>(piece) + 4}, 2)), scorer.add(loss, 0, 2);
  }
  EXPECT_NEAR(scorer.score().accuracy, 1 - error / spread, 1e-12);
  EXPECT_NEAR(scorer.score().loss, error / 8, 1e-12);
}

TEST(Score, OfTargetsThatNeverChangeIsOneOrZero) {
  const auto score = [](double loss) {
    Scorer scorer;
    scorer.saw(batch_of({2, 2, 2}, 1)), scorer.add(loss, 0, 3);
    return scorer.score().accuracy;
  };
  EXPECT_EQ(score(0), 1);
  EXPECT_EQ(score(0.1), 0);
  EXPECT_TRUE(std::isnan(score(std::nan(""))));
}

// Rows of the first table, minus the embedding of their tokens, over the deviation.
std::vector<double> noise_of(Bench<double>& bench, const tasks::Batch& batch, double deviation) {
  bench.network->set(0, batch);
  bench.network->forward();
  const kernels::Rows<double>& e = *bench.network->tapped(0, "e");
  const ParameterInfo& table = bench.parameters.all().front();
  std::vector<double> noise;
  for (int r = 0; r < e.count[0]; ++r)
    for (int c = 0; c < e.columns; ++c)
      noise.push_back((e.value(0)[r * e.width + c] - bench.values[table.offset + static_cast<std::int64_t>(bench.network->layout().token()[0][r]) * table.width() + c]) / deviation);
  return noise;
}

TEST(EmbeddingNoise, IsNormalAndOfTheSequenceAlone) {
  Bench<double> bench(mqar_cell("mamba", "d = 33", "steps = 10", 0, kMqar + "embedding_noise = 0.5\n"));
  ASSERT_EQ(bench.parameters.all().front().name, "embedding.weight");
  const std::vector<double> noise = noise_of(bench, bench.batch, 0.5);
  double moments[5] = {};
  for (const double n : noise)
    for (int k = 1; k <= 4; ++k) moments[k] += std::pow(n, k) / static_cast<double>(noise.size());
  const double chance = 4 / std::sqrt(static_cast<double>(noise.size()));   // four standard deviations, in units of that of one number
  EXPECT_NEAR(moments[1], 0, chance);
  EXPECT_NEAR(moments[2], 1, chance * std::sqrt(2.0));
  EXPECT_NEAR(moments[3], 0, chance * std::sqrt(15.0));
  EXPECT_NEAR(moments[4], 3, chance * std::sqrt(96.0));

  tasks::Batch last = bench.batch;   // the last sequence alone: the same numbers
  const int T = last.T, from = last.sequences - 1, scored = last.first[static_cast<std::size_t>(from)];
  last.tokens.erase(last.tokens.begin(), last.tokens.begin() + static_cast<std::ptrdiff_t>(from) * T);
  last.position.erase(last.position.begin(), last.position.begin() + scored), last.label.erase(last.label.begin(), last.label.begin() + scored);
  last.noise_key.erase(last.noise_key.begin(), last.noise_key.begin() + from);
  last.sequences = 1, last.first = {0, static_cast<std::int32_t>(last.position.size())};
  const std::vector<double> alone = noise_of(bench, last, 0.5);
  EXPECT_TRUE(std::equal(alone.rbegin(), alone.rend(), noise.rbegin()));
}

}  // namespace
}  // namespace phasegrid::worker::test
