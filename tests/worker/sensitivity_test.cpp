// Closed forms of sensitivity against finite differences through the network.
#include "worker/diagnostics/sensitivity.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "tests/worker/watched.hpp"

namespace phasegrid::worker::test {
namespace {

// One bare mixer on distinct tokens: a change of row j of the embedding is a change of x_j and of nothing else.
struct Bare {
  static constexpr int T = 7, D = 6;
  ModelSettings model;
  std::unique_ptr<Watched> network;
  tasks::Batch batch;

  explicit Bare(const Case& c) {
    const sweeps::CellSpec cell = mqar_cell(
        c.variant,
        c.change.lines + std::string("\nlayers = 1\nexpand = 1\nd = 6\nnorm = \"none\"\npositional = \"none\""));
    model = model_settings(cell.settings, T, T);
    kernels::Random random(11, 1, 0);
    Table<double> inputs(T, D);
    for (double& x : inputs.data) x = random.normal();
    network = bare_mixer(model, inputs, [&](const std::string&, int, int) { return 0.6 * random.normal(); });
    batch.clear(T);
    for (int t = 0; t < T; ++t) batch.tokens.push_back(t);
    batch.end_sequence();
  }
  Recurrence at(double* w, double value) {
    const double start = *w;
    *w = value;
    network->run(batch, 0);
    *w = start;
    return observe(*network, 0);
  }
  double* parameter(const std::string& name, int r, int c) { return network->weight(name, r, c); }
};

std::vector<Case> bare_cases() {
  std::vector<Case> cases;
  for (const VariantEntry& variant : all_variants())
    for (const Switch& change : {Switch{"euler", "discretisation = \"euler\"", "discretisation"},
                                Switch{"zoh", "discretisation = \"zoh\"", "discretisation"},
                                Switch{"none", "discretisation = \"none\"", "discretisation"},
                                Switch{"sigmoid", "delta_activation = \"sigmoid\"", "delta_activation"},
                                Switch{"fixed", "delta_activation = \"fixed\"", "delta_activation"},
                                Switch{"full", "delta_rank = \"full\"", "delta_rank"},
                                Switch{"real", "block_complex = false\nblocks = 3", "blocks"},
                                Switch{"real_states", "s4d_mode = \"real\"", "s4d_mode"},
                                Switch{"groups", "heads = 2\ngroups = 2", "groups"}, Switch{"plain", ""}}) {
      const bool reads =
          !change.key || std::find(variant.keys.begin(), variant.keys.end(), change.key) != variant.keys.end();
      if (reads && has_state(variant.name)) cases.push_back({variant.name, change});
    }
  return cases;
}

class EverySensitivity : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(Table, EverySensitivity, testing::ValuesIn(bare_cases()), name_of);

// Central differences with step 1e-5 in double: 1e-10 from the curvature, 1e-11 from rounding, times states of order 1
// to 100.
constexpr double kStep = 1e-5, kTolerance = 1e-7;

TEST_P(EverySensitivity, OfTheLastStateAndOutputAgreesWithFiniteDifferences) {
  Bare bare(GetParam());
  const Recurrence r = observe(*bare.network, 0);
  const Reach closed = reach(r);
  const bool held = GetParam().variant == "mamba2" ||
                    GetParam().variant == "linear_attention";  // part of the mixer does not follow x
  for (int j = 0; j < Bare::T; ++j) {
    double state = 0, output = 0;
    for (int i = 0; i < Bare::D; ++i) {
      double* w = bare.parameter("embedding.weight", j, i);
      Recurrence up = bare.at(w, *w + kStep), down = bare.at(w, *w - kStep);
      if (held)
        for (Recurrence* side : {&up, &down}) {
          side->delta = r.delta;
          if (GetParam().variant == "mamba2") side->B = r.B, side->C = r.C;
        }
      const Table<Complex> h_up = last_state(up), h_down = last_state(down);
      const Table<double> y_up = outputs(up), y_down = outputs(down);
      for (std::size_t k = 0; k < h_up.data.size(); ++k)
        state += std::norm((h_up.data[k] - h_down.data[k]) / (2 * kStep));
      for (int c = 0; c < Bare::D; ++c)
        output += std::pow((y_up(Bare::T - 1, c) - y_down(Bare::T - 1, c)) / (2 * kStep), 2);
    }
    EXPECT_NEAR(closed.state[static_cast<std::size_t>(j)], std::sqrt(state),
                kTolerance * std::max(1.0, std::sqrt(state)))
        << "state, position " << j;
    EXPECT_NEAR(closed.output[static_cast<std::size_t>(j)], std::sqrt(output),
                kTolerance * std::max(1.0, std::sqrt(output)))
        << "output, position " << j;
  }
}

TEST_P(EverySensitivity, GivesTheGradientOfTheStepSizesProjection) {
  Bare bare(GetParam());
  const Recurrence r = observe(*bare.network, 0);
  if (r.step_bias.empty()) return;  // the step size is no function of an input
  const StepGradient gradient = step_gradient(r);
  const std::string bias = GetParam().variant == "mamba2"             ? "dt_bias"
                           : GetParam().variant == "linear_attention" ? "gk_proj.bias"
                                                                      : "dt_proj.bias";
  const auto sum = [&](const Recurrence& at) {
    const Table<double> y = bare.network->mixer_output(0);  // of the network itself
    return std::accumulate(y.row(at.T - 1), y.row(at.T - 1) + at.D, 0.0);
  };
  const auto difference = [&](double* w) {
    const double up = sum(bare.at(w, *w + kStep)), down = sum(bare.at(w, *w - kStep));
    return (up - down) / (2 * kStep);
  };
  for (int s = 0; s < r.steps(); ++s) {
    const double expected = difference(bare.parameter("layers.0.mixer." + bias, 0, s));
    EXPECT_NEAR(gradient.bias[static_cast<std::size_t>(s)], expected, kTolerance * std::max(1.0, std::fabs(expected)));
  }
  const std::string weight = GetParam().variant == "mamba2"             ? "in_proj.dt"
                             : GetParam().variant == "linear_attention" ? "gk_proj.weight"
                                                                        : "dt_proj.weight";
  const bool plain = r.W_step && GetParam().variant != "b2s6" &&
                     bare.model.delta_rank == 0;  // elsewhere not the whole matrix is a parameter
  for (int s = 0; plain && s < r.steps(); ++s) {
    const double expected = difference(bare.parameter("layers.0.mixer." + weight, 1, s));
    EXPECT_NEAR(gradient.weight(s, 1), expected, kTolerance * std::max(1.0, std::fabs(expected)));
  }
}

}  // namespace
}  // namespace phasegrid::worker::test
