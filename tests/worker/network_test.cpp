// Every variant with every switch, from the table: gradients against finite differences, precisions and instruction sets against
// each other, distinct rows against rows = positions, counts against the cost model.
#include "worker/models/network.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/worker/support.hpp"

namespace phasegrid::worker::test {
namespace {

class EveryNetwork : public testing::TestWithParam<Case> {
 protected:
  sweeps::CellSpec cell(const std::string& more = "", const std::string& train = "steps = 10", int seed = 0) const {
    return mqar_cell(GetParam().variant, GetParam().change.lines + ("\n" + more), train, seed, GetParam().change.task);
  }
};
INSTANTIATE_TEST_SUITE_P(Table, EveryNetwork, testing::ValuesIn(all_cases()), name_of);

// Five-point differences with step 1e-4: their own error is near 1e-15, the rounding of the loss leaves 1e-15 / step = 1e-11.
constexpr double kDifferenceTolerance = 1e-6;

TEST_P(EveryNetwork, HasTheGradientsOfFiniteDifferences) {
  Bench<double> bench(cell());
  bench.gradients();
  const std::vector<double> grads(bench.grads, bench.grads + bench.parameters.size());
  kernels::Random random(5, 1, 0);
  for (const ParameterInfo& p : bench.parameters.all()) {
    if (p.rate == 0) continue;
    const double scale = bench.largest_gradient(p);
    EXPECT_GT(scale, 1e-7) << p.name << " has no influence";
    for (int i = 0; i < 6; ++i) {
      const int r = static_cast<int>(random.below(static_cast<std::uint32_t>(p.rows))), c = static_cast<int>(random.below(static_cast<std::uint32_t>(p.columns)));
      double& w = bench.values[p.offset + r * p.width() + c];
      const double start = w, h = 1e-4;
      const auto at = [&](double x) { return w = start + x, bench.loss(); };
      const double difference = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
      w = start;
      EXPECT_NEAR(difference, grads[p.offset + r * p.width() + c], kDifferenceTolerance * std::max(scale, 1e-3)) << p.name << " (" << r << ", " << c << ")";
    }
  }
}

TEST_P(EveryNetwork, LeavesPaddingAtZero) {
  Bench<float> bench(cell());
  bench.gradients();
  for (const ParameterInfo& p : bench.parameters.all())
    for (int r = 0; r < p.rows; ++r)
      for (int c = p.columns; c < p.width(); ++c) ASSERT_EQ(bench.grads[p.offset + r * p.width() + c], 0) << p.name << " (" << r << ", " << c << ")";
}

// Gradients of the same weights and batch, computed twice; both in units of the largest entry of each parameter.
template <class A, class B>
void expect_same_gradients(Bench<A>& a, Bench<B>& b, double tolerance) {
  EXPECT_NEAR(a.gradients(), b.gradients(), tolerance * 10);
  for (const ParameterInfo& p : a.parameters.all()) {
    const double scale = std::max(a.largest_gradient(p), 1e-4);
    for (std::int64_t i = p.offset; i < p.offset + static_cast<std::int64_t>(p.rows) * p.width(); ++i)
      ASSERT_NEAR(static_cast<double>(a.grads[i]), static_cast<double>(b.grads[i]), tolerance * scale) << p.name;
  }
}

TEST_P(EveryNetwork, AgreesInFloatAndDouble) {
  Bench<double> exact(cell());
  Bench<float> single(cell());
  for (std::int64_t i = 0; i < exact.parameters.size(); ++i) exact.values[i] = static_cast<double>(single.values[i]);
  expect_same_gradients(exact, single, 3e-4);   // relu and the last bits of exp: float has 24 bits, sums run over hundreds of terms
}

TEST_P(EveryNetwork, AgreesOnEveryInstructionSet) {
  Bench<double> best(cell());
  for (const std::string& kind : cpu_kinds()) {
    Bench<double> other(cell(), kind);
    expect_same_gradients(best, other, 1e-10);
  }
}

TEST_P(EveryNetwork, HasTheParametersThatTheCostModelCounts) {
  const sweeps::CellSpec spec = cell();
  EXPECT_EQ(Bench<float>(spec).parameters.trainable(), static_cast<std::int64_t>(spec.settings.schema().cost(spec.settings).parameters));
}

TEST_P(EveryNetwork, LearnsInThirtySteps) {
  const sweeps::CellSpec spec = cell("", "steps = 30\nexamples = 6\nlearning_rate = 1e-2\nschedule = \"constant\"\n[eval]\nevery = 10");
  const auto results = run_pack(std::span(&spec, 1), {cpu_kinds().back()});
  ASSERT_EQ(results[0].status, sweeps::Status::done) << results[0].reason;
  EXPECT_LT(results[0].curve.back().train_loss, results[0].curve.front().train_loss);
}

TEST_P(EveryNetwork, GivesACellTheSameBitsInAPackAndAlone) {
  std::vector<sweeps::CellSpec> cells;
  for (int i = 0; i < 3; ++i)
    cells.push_back(cell("", "steps = " + std::to_string(12 + 3 * i) + "\nlearning_rate = 0.0" + std::to_string(i + 1) + "\n[eval]\neval_examples = 70\nevery = 4", i));
  const Device device{cpu_kinds().back()};
  const auto pack = run_pack(cells, device);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const auto alone = run_pack(std::span(&cells[i], 1), device);
    EXPECT_EQ(alone[0].loss, pack[i].loss);
    EXPECT_EQ(alone[0].accuracy, pack[i].accuracy);
    EXPECT_EQ(alone[0].accuracy_final, pack[i].accuracy_final);
    EXPECT_EQ(alone[0].best_step, pack[i].best_step);
    ASSERT_EQ(alone[0].curve.size(), pack[i].curve.size());
    EXPECT_EQ(alone[0].curve.back().train_loss, pack[i].curve.back().train_loss);
  }
}

// A learned position table of zeros makes rows pairs of token and position, with no shared windows: the same function, no row reused.
TEST_P(EveryNetwork, ComputesTheSameWithRowsForEveryPosition) {
  if (std::string(GetParam().change.lines).find("positional") != std::string::npos) GTEST_SKIP() << "has positions of its own";
  Bench<double> distinct(cell()), positions(cell("positional = \"learned\""));
  for (const ParameterInfo& p : positions.parameters.all()) {
    const auto& all = distinct.parameters.all();
    const auto same = std::find_if(all.begin(), all.end(), [&](const ParameterInfo& q) { return q.name == p.name; });
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(p.rows) * p.width(); ++i)
      positions.values[p.offset + i] = same == all.end() ? 0 : distinct.values[same->offset + i];
  }
  EXPECT_NEAR(distinct.gradients(), positions.gradients(), 1e-12);
  for (const ParameterInfo& p : distinct.parameters.all()) {
    const auto& all = positions.parameters.all();
    const auto same = std::find_if(all.begin(), all.end(), [&](const ParameterInfo& q) { return q.name == p.name; });
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(p.rows) * p.width(); ++i)
      ASSERT_NEAR(distinct.grads[p.offset + i], positions.grads[same->offset + i], 1e-11 * std::max(1.0, distinct.largest_gradient(p))) << p.name;
  }
}

}  // namespace
}  // namespace phasegrid::worker::test
