// The real-valued tasks against their definitions, solved by means that know nothing of how they are drawn.
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "tests/statistics.hpp"
#include "tests/tasks/support.hpp"

namespace phasegrid::tasks {
namespace {

constexpr double kFloat = 2e-4;   // of sums of some hundred floats, in units of the answer's deviation

// The weights w of a linear map from sequences to answers, from as many sequences as there are positions.
std::vector<double> solve(const Batch& batch) {
  const int T = batch.T;
  std::vector<std::vector<double>> rows(T, std::vector<double>(T + 1));
  for (int b = 0; b < T; ++b) {
    for (int t = 0; t < T; ++t) rows[b][t] = inputs_of(batch, b)[t];
    rows[b][T] = answer_of(batch, b)[0];
  }
  for (int i = 0; i < T; ++i) {   // Gauss and Jordan, with the largest pivot
    int best = i;
    for (int r = i; r < T; ++r)
      if (std::fabs(rows[r][i]) > std::fabs(rows[best][i])) best = r;
    std::swap(rows[i], rows[best]);
    for (int r = 0; r < T; ++r) {
      if (r == i) continue;
      const double factor = rows[r][i] / rows[i][i];
      for (int c = i; c <= T; ++c) rows[r][c] -= factor * rows[i][c];
    }
  }
  std::vector<double> w;
  for (int i = 0; i < T; ++i) w.push_back(rows[i][T] / rows[i][i]);
  return w;
}

double apply(const std::vector<double>& w, std::span<const float> u) {
  double sum = 0;
  for (std::size_t t = 0; t < w.size(); ++t) sum += w[t] * u[t];
  return sum;
}

// Equations from training data answer the questions of all parts of the data: the function is the seed's, and linear.
void expect_one_linear_map(const Task& task, double deviation) {
  const std::vector<double> w = solve(draw(task, task.T(), 7));
  for (const Stream stream : {Stream::train, Stream::validation, Stream::test}) {
    const Batch batch = draw(task, 200, 7, stream, 1000);
    for (int b = 0; b < batch.sequences; ++b)
      ASSERT_NEAR(apply(w, inputs_of(batch, b)), answer_of(batch, b)[0], 100 * kFloat * deviation);
  }
  double difference = 0;
  for (const double each : solve(draw(task, task.T(), 8))) difference = std::max(difference, std::fabs(each - w[0]));
  EXPECT_GT(difference, 0.1 / task.T()) << "another seed has another function";
}

TEST(LinearFunctional, IsOneWeightedSumPerSeedInAllPartsOfTheData) {
  for (const double T : {1.0, 2.0, 5.0, 24.0}) expect_one_linear_map(*make_task("linear_functional", {{"T", T}}), 1);
}

TEST(LinearFunctional, HasWeightsOfTheVarianceThatItSays) {
  double squares = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    const auto task = make_task("linear_functional", {{"T", 8.0}});
    for (const double w : solve(draw(*task, 8, seed))) squares += w * w;
  }
  EXPECT_NEAR(squares / 400, 1, 4 * std::sqrt(2.0 / (8 * 400)));
}

TEST(PiecewiseConstant, IsAnInnerProductWithAFunctionThatJumpsAtMostSoOften) {
  kernels::Random random(3, 0, 0);
  for (int trial = 0; trial < 300; ++trial) {
    const double T = 2 + random.below(30), jumps = random.below(static_cast<std::uint32_t>(T));
    const auto task = make_task("piecewise_constant", {{"T", T}, {"jumps", jumps}});
    std::vector<double> f = solve(draw(*task, task->T(), trial));
    int changes = 0;
    for (double& level : f) level *= T;   // the target is <x, f>/T
    for (std::size_t t = 1; t < f.size(); ++t) changes += std::fabs(f[t] - f[t - 1]) > 1e-3;
    EXPECT_LE(changes, jumps) << "T = " << T;
  }
}

TEST(PiecewiseConstant, IsOneFunctionPerSeedInAllPartsOfTheData) {
  expect_one_linear_map(*make_task("piecewise_constant", {{"T", 16.0}}), 0.25);
}

TEST(PiecewiseConstant, JumpsAtUniformPlaces) {
  std::vector<std::int64_t> counts(8);
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    const std::vector<double> f = solve(draw(*make_task("piecewise_constant", {{"T", 8.0}, {"jumps", 1.0}}), 8, seed));
    for (int t = 1; t < 8; ++t) counts[t] += std::fabs(f[t] - f[t - 1]) > 1e-5;
  }
  counts[0] = 4000 - (counts[1] + counts[2] + counts[3] + counts[4] + counts[5] + counts[6] + counts[7]);  // behind the grid
  EXPECT_LT(testing_support::misfit(counts, std::vector<double>(8, 1.0 / 8)), testing_support::kChance);
}

TEST(PiecewiseConstant, KeepsItsFunctionOnAFinerGrid) {
  const std::vector<double> coarse = solve(draw(*make_task("piecewise_constant", {{"T", 12.0}}), 12, 5)),
                            fine = solve(draw(*make_task("piecewise_constant", {{"T", 24.0}}), 24, 5));
  for (int t = 0; t < 12; ++t) EXPECT_NEAR(12 * coarse[t], 24 * fine[2 * t], 1e-2);
}

TEST(PrimeFrequencies, GivesTheLoudnessThatCorrelationFinds) {
  constexpr int primes[] = {2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37};
  kernels::Random random(4, 0, 0);
  for (int trial = 0; trial < 1000; ++trial) {
    const int k = 1 + static_cast<int>(random.below(12)), T = 2 * primes[k - 1] + 1 + static_cast<int>(random.below(60));
    const auto task = make_task("prime_frequencies", {{"frequencies", double(k)}, {"T", double(T)}});
    const Batch batch = draw(*task, 2, trial);
    ASSERT_EQ(task->outputs(), k);
    for (int b = 0; b < 2; ++b)
      for (int i = 0; i < k; ++i) {
        double sum = 0;
        for (int t = 0; t < T; ++t) sum += inputs_of(batch, b)[t] * std::cos(2 * 3.14159265358979 * primes[i] * t / T);
        ASSERT_NEAR(2 * sum / T, answer_of(batch, b)[i], kFloat) << "T = " << T << " prime " << primes[i];
      }
  }
}

TEST(PrimeFrequencies, RefusesGridsOnWhichTonesSoundAlike) {
  EXPECT_EQ(misfit_of("prime_frequencies", {{"frequencies", 10.0}, {"T", 59.0}}), "");
  EXPECT_EQ(misfit_of("prime_frequencies", {{"frequencies", 10.0}, {"T", 58.0}}),
            "T: tones sound alike on a grid that is too coarse, 2 * 29 < T for the largest of these primes, but "
            "frequencies = 10 and T = 58");
}

TEST(AbsoluteValue, IsTheSizeOfTheFirstNumberWhateverFollows) {
  kernels::Random random(5, 0, 0);
  for (int trial = 0; trial < 2000; ++trial) {
    const double T = 2 + random.below(40), sigma1 = random.uniform(0.01, 5), sigma2 = random.uniform(0, 5);
    const auto task = make_task("absolute_value", {{"T", T}, {"sigma1", sigma1}, {"sigma2", sigma2}});
    const Batch batch = draw(*task, 3, trial);
    for (int b = 0; b < 3; ++b) {
      const float first = inputs_of(batch, b)[0];
      ASSERT_EQ(answer_of(batch, b)[0], first < 0 ? -first : first);
    }
  }
}

TEST(AbsoluteValue, DrawsTheLastNumberWithADeviationOfItsOwn) {
  const Batch batch = draw(*make_task("absolute_value", {{"T", 5.0}, {"sigma1", 2.0}, {"sigma2", 0.5}}), 20'000);
  std::vector<double> squares(5);
  for (int b = 0; b < batch.sequences; ++b)
    for (int t = 0; t < 5; ++t) squares[t] += std::pow(inputs_of(batch, b)[t], 2) / batch.sequences;
  for (int t = 0; t < 5; ++t) {
    const double variance = t < 4 ? 4 : 0.25;
    EXPECT_NEAR(squares[t], variance, 4 * variance * std::sqrt(2.0 / batch.sequences)) << t;
  }
}

TEST(RealTasks, SayWhichKeyIsWrongAndWhy) {
  EXPECT_EQ(misfit_of("absolute_value", {{"T", 1.0}}), "T: the number to keep comes before the question, T >= 2, but T = 1");
  EXPECT_EQ(misfit_of("absolute_value", {{"sigma1", 0.0}}), "sigma1: without spread there is nothing to learn, sigma1 > 0, but sigma1 = 0");
  EXPECT_EQ(misfit_of("piecewise_constant", {{"jumps", 8.0}, {"T", 8.0}}),
            "jumps: the grid tells at most T - 1 jumps apart, jumps < T, but jumps = 8 and T = 8");
}

}  // namespace
}  // namespace phasegrid::tasks
