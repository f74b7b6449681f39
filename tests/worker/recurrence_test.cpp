// What diagnostics see of a layer is what the network computed: its recurrence, written out, gives the mixer's output.
#include "worker/diagnostics/recurrence.hpp"

#include <gtest/gtest.h>

#include "tests/worker/watched.hpp"

namespace phasegrid::worker::test {
namespace {

class EveryRecurrence : public testing::TestWithParam<Case> {
 protected:
  sweeps::CellSpec cell() const {
    return mqar_cell(GetParam().variant, GetParam().change.lines, "steps = 10", 0, GetParam().change.task);
  }
};
INSTANTIATE_TEST_SUITE_P(Table, EveryRecurrence, testing::ValuesIn(cases_with_state()), name_of);

// Sums of a few hundred terms of order 1 in double; closed forms of runs of filler differ in the last bits.
constexpr double kTolerance = 1e-11;

TEST_P(EveryRecurrence, GivesTheOutputOfTheMixer) {
  const Watch watch(cell());
  for (int layer = 0; layer < watch.network->model().layers; ++layer) {
    const Table<double> expected = watch.network->mixer_output(layer), y = outputs(observe(*watch.network, layer));
    ASSERT_EQ(y.rows, watch.network->model().T);
    ASSERT_EQ(y.data.size(), expected.data.size());
    double largest = 1;
    for (const double value : expected.data) largest = std::max(largest, std::fabs(value));
    for (std::size_t i = 0; i < y.data.size(); ++i)
      ASSERT_NEAR(y.data[i], expected.data[i], kTolerance * largest) << "layer " << layer << ", number " << i;
  }
}

TEST_P(EveryRecurrence, HasTheProjectionsThatMakeItsBAndC) {
  const Watch watch(cell());
  const Recurrence r = observe(*watch.network, 0);
  if (!r.BC_follow_x) return;  // B and C are constants, or functions of the block's input
  for (const auto& [W, made] : {std::pair{&r.W_B, &r.B}, {&r.W_C, &r.C}})
    for (int t = 0; t < r.T; ++t)
      for (int i = 0; i < W->rows; ++i) {
        Complex expected = 0;
        for (int c = 0; c < r.D; ++c) expected += (*W)(i, c) * r.x(t, c);
        ASSERT_LT(std::abs((*made)(t, i) - expected), kTolerance) << "position " << t << ", row " << i;
      }
}

TEST_P(EveryRecurrence, HasTheStepSizesThatItsProjectionMakes) {
  const Watch watch(cell());
  const Recurrence r = observe(*watch.network, 0);
  if (!r.W_step) return;  // the step sizes do not follow the input
  for (int t = 0; t < r.T; ++t)
    for (int s = 0; s < r.steps(); ++s) {
      double z = r.step_bias[static_cast<std::size_t>(s)];
      for (int i = 0; i < r.W_step.columns; ++i) z += r.W_step(s, i) * r.step_input(t, i);
      const auto delta = [&](double at) {
        switch (r.step_activation) {
          case kernels::Activation::softplus:
            return std::log1p(std::exp(at));
          case kernels::Activation::sigmoid:
            return 1 / (1 + std::exp(-at));
          case kernels::Activation::one_plus_tanh:
            return 1 + std::tanh(at);
          default:
            return std::max(0.0, at);
        }
      };
      ASSERT_NEAR(r.delta(t, s), delta(z), kTolerance);
      ASSERT_NEAR(r.step_slope(t, s), (delta(z + 1e-6) - delta(z - 1e-6)) / 2e-6, 1e-8);
    }
}

TEST(Recurrence, OfS4IsKnownThroughItsEigenvectorsAtSixtyFourStates) {
  const Watch watch(mqar_cell("s4", "N = 64"));
  const Table<double> expected = watch.network->mixer_output(0), y = outputs(observe(*watch.network, 0));
  for (std::size_t i = 0; i < y.data.size(); ++i)
    ASSERT_NEAR(y.data[i], expected.data[i], 1e-8 * std::max(1.0, std::fabs(expected.data[i])));
}

TEST(Recurrence, TakesItsFactorFromASeriesWhereTheStepIsSmall) {
  ModelSettings model;
  model.variant = "mamba", model.N = 1, model.discretisation = kernels::Discretisation::zoh, model.delta_rank = 0;
  const Table<double> one(1, 1, 1.0);
  for (const double A_log : {-40.0, -4.0, -3.1, -2.9, 0.0, 3.0}) {
    const auto network =
        bare_mixer(model, one, [&](const std::string& name, int, int) { return name == "A_log" ? A_log : 0.0; });
    const Channel channel = walk(observe(*network, 0), 0);
    const double A = -std::exp(A_log), delta = std::log(2);
    EXPECT_NEAR(channel.f(0, 0).real(), std::expm1(delta * A) / A, 1e-15);
  }
}

}  // namespace
}  // namespace phasegrid::worker::test
