// Weights from theorems: exact at their sizes with every switch that they allow; noise on them, and training from them.
#include "worker/models/constructions/constructions.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "sweeps/thresholds.hpp"
#include "tests/worker/constructed_cells.hpp"
#include "worker/models/network.hpp"

namespace phasegrid::worker {
namespace {

using namespace constructed;

std::vector<double> weights_of(const sweeps::CellSpec& cell) {
  const ParameterSet parameters = describe_parameters(construction_case(cell.settings).model);
  std::vector<double> flat(static_cast<std::size_t>(parameters.size()));
  construct(cell, parameters, flat.data());
  return flat;
}

struct Build {
  const char* name;
  std::string task, model;
};
void PrintTo(const Build& build, std::ostream* out) { *out << build.name; }

std::vector<Build> builds() {
  const std::string s6 = "variant = \"mamba\"\n", ssd = "variant = \"mamba2\"\n", s4d = "variant = \"mamba_s4d\"\n",
                    dt = "variant = \"mamba_delta_t\"\n";
  const std::string identity = "activation = \"identity\"\n", relu = "activation = \"relu\"\n", bare = "gate = false\n";
  const std::string scalar = "positional = \"scalar\"\n", learned = "positional = \"learned\"\n",
                    c1 = s6 + "d = 9\nN = 6\n", c1b = s6 + "d = 11\nN = 6\n";
  return {
      {"c1", kMqar, c1},
      {"c1_identity", kMqar, c1 + identity},
      {"c1_relu_bare", kMqar, c1 + relu + bare},
      {"c1_four_taps_full_rank", kMqar, c1 + "conv = 4\ndelta_rank = \"full\"\n"},
      {"c1_zoh", kMqar, c1 + "discretisation = \"zoh\"\n"},
      {"c1_none", kMqar, c1 + "discretisation = \"none\"\n"},
      {"c1_fixed_steps", kMqar, c1 + "delta_activation = \"fixed\"\n"},
      {"c1_wider", kMqar, s6 + "d = 17\nN = 11\nexpand = 2\n"},
      {"c1_scalar", kMqar, s6 + "construction = \"C1'\"\nd = 7\nN = 6\n" + relu},
      {"c1b", kRandom, c1b + scalar},
      {"c1b_relu_learned_full_rank", kRandom, c1b + relu + learned + "delta_rank = \"full\"\n"},
      {"c1b_identity", kRandom, c1b + identity + scalar + bare},
      {"c1b_wider_zoh", kRandom, s6 + "d = 20\nD = 23\nN = 8\ndiscretisation = \"zoh\"\n" + scalar},
      {"c2a", kMqar, s6 + "construction = \"C2a\"\nd = 11\nN = 3\n" + identity + bare},
      {"c2a_mamba2", kMqar, ssd + "construction = \"C2a\"\nd = 11\nD = 8\nN = 3\n" + identity + bare},
      {"c2b", kMqar, ssd + "construction = \"C2b\"\nd = 9\nD = 3\nN = 6\n"},
      {"c2b_signed_two_heads", kMqar,
       ssd + "construction = \"C2b\"\nd = 9\nD = 8\nN = 7\nheads = 2\ngroups = 2\n" + identity + bare},
      {"c4_one_column", kMqar, ssd + "d = 9\nD = 18\nN = 1\n"},
      {"c4_relu", kMqar, ssd + "d = 9\nD = 9\nN = 2\n" + relu},
      {"c4_silu_heads_groups", kMqar, ssd + "d = 12\nD = 12\nN = 4\nheads = 4\ngroups = 2\n"},
      {"c3", kMqar, s4d + "d = 9\nD = 18\nN = 2\n"},
      {"c3_real_relu", kMqar, s4d + "d = 18\nN = 3\ns4d_mode = \"real\"\n" + relu},
      {"c5", kKeep, s6 + "d = 6\nN = 1\n" + scalar},
      {"c5_relu_zoh_learned", kKeep, s6 + "d = 6\nN = 1\ndiscretisation = \"zoh\"\n" + relu + learned},
      {"c5_identity_no_conv", kKeep, s6 + "d = 8\nN = 3\nconv = 0\n" + identity + scalar + bare},
      {"c5_time_layer", kKeep, s6 + "d = 6\nN = 1\npositional = \"ssm_time\"\n"},
      {"c5_trained_time_layer", kKeep,
       s6 + "d = 7\nN = 2\npositional = \"ssm_time\"\ntime_layer = \"trained\"\n" + relu},
      {"c1b_time_layer", kRandom, c1b + "positional = \"ssm_time\"\n"},
      {"c5_last", kKeep + "n = 20\n", s6 + "d = 6\nN = 1\n" + scalar},
      {"c6", kKeep, "variant = \"s4d\"\nd = 4\nN = 22\n"},
      {"c6_gate_euler", kKeep, s4d + "d = 5\nN = 22\ndiscretisation = \"euler\"\n"},
      {"c6_more_modes", kKeep, "variant = \"s4d\"\nd = 7\nN = 30\nconv = 0\n" + identity},
      {"c7", kInduction, dt + "d = 10\nN = 5\ndelta_rank = \"full\"\n"},
      {"c7_low_rank_hard", kInduction + "form = \"hard\"\n", dt + "d = 13\nN = 8\ndelta_rank = 7\n" + relu},
      {"c7_euler_recency", kInduction + "form = \"recency\"\n",
       dt + "d = 10\nN = 5\ndelta_rank = \"full\"\ndiscretisation = \"euler\"\n" + bare},
      {"c7_zoh_easy", kInduction + "form = \"easy\"\n",
       dt + "d = 12\nN = 6\ndelta_rank = \"full\"\ndiscretisation = \"zoh\"\n"},
      {"c8", kPointer, s6 + "d = 11\nN = 8\npositional = \"onehot\"\n"},
      {"c8_learned_wider", kPointer, s6 + "d = 15\nN = 10\nexpand = 2\n" + learned},
  };
}

class Built : public testing::TestWithParam<Build> {};

TEST_P(Built, IsExactAtTheSizesOfTheTheorem) {
  const sweeps::CellSpec cell = cell_of(GetParam().task, GetParam().model);
  const sweeps::CellResult result = run(cell);
  EXPECT_EQ(result.status, sweeps::Status::done);
  EXPECT_EQ(result.accuracy, 1) << construction_name(cell.settings);
  EXPECT_EQ(result.accuracy_final, 1);
  EXPECT_EQ(result.steps, 0);
  EXPECT_LT(result.loss, 0.01) << "sure of its answers, so that training has little to add";
  EXPECT_EQ(result.curve.size(), 1u);
}

// The table of sweeps/thresholds.cpp and the builders are two statements of one theorem.
TEST_P(Built, HasTheSizesThatTheThresholdsName) {
  const sweeps::CellSpec cell = cell_of(GetParam().task, GetParam().model);
  const Construction& construction = construction_of(cell.settings);
  const Sizes sizes = construction.sizes(construction_case(cell.settings));
  std::map<std::string, double> exact;
  for (const auto& threshold : sweeps::thresholds(cell.settings))
    if (threshold.kind == sweeps::Bound::exact) {
      exact[threshold.quantity] = threshold.value;
      EXPECT_EQ(sweeps::construction_named(threshold), construction.name);
    }
  ASSERT_EQ(exact.size(), 3u) << "no exact threshold for " << construction.name;
  const bool follows = construction.name == "C3" && !cell.settings.given("D");  // d is then as wide as the slots
  EXPECT_EQ(exact["d"], follows ? std::max(sizes.d, sizes.D) : sizes.d);
  EXPECT_EQ(exact["D"], sizes.D);
  EXPECT_EQ(exact["N"], sizes.N);
  for (const auto& threshold :
       sweeps::thresholds(cell.settings))  // theory 3.7: what is necessary lies below what is enough
    if (threshold.kind == sweeps::Bound::lower_bound) {
      EXPECT_LE(threshold.value, static_cast<double>(sizes.D * sizes.N)) << threshold.name;
    }
}

INSTANTIATE_TEST_SUITE_P(EverySwitch, Built, testing::ValuesIn(builds()),
                         [](const auto& info) { return std::string(info.param.name); });

// C7b, theory 3.8: one rate of forgetting for all columns. Logits are as small as what is remembered, so the loss is large.
TEST(Discounting, KeepsTheLatestFollowerUntilThePowerOfTheRateUnderflows) {
  const auto accuracy = [](const std::string& form, int T, const std::string& model) {
    return run(cell_of("name = \"induction_heads\"\nvocab = 5\nform = \"" + form + "\"\nT = " + std::to_string(T) + "\n",
                       "variant = \"mamba\"\n" + model))
        .accuracy;
  };
  EXPECT_EQ(accuracy("general", 100, "d = 10\nN = 5\n"), 1);
  EXPECT_EQ(accuracy("general", 300, "d = 11\nN = 6\nactivation = \"relu\"\ndiscretisation = \"zoh\"\ngate = false\n"), 1)
      << "five tokens come back soon, whatever the length";
  EXPECT_EQ(accuracy("hard", 100, "d = 12\nN = 6\ndiscretisation = \"none\"\nactivation = \"identity\"\n"), 1);
  EXPECT_LT(accuracy("hard", 150, "d = 12\nN = 6\n"), 0.6) << "0.45^148 is 0 in single precision";
  EXPECT_LT(accuracy("general", 100, "d = 10\nN = 4\n"), 0.95);
  EXPECT_LT(accuracy("general", 100, "d = 8\nN = 5\n"), 0.95);
}

TEST(Construction, TooSmallACellStillExistsAndErrs) {
  for (const auto& [task, model] : {std::pair(kMqar, "variant = \"mamba\"\nd = 2\nN = 1"),
                                    {kMqar, "variant = \"mamba2\"\nd = 2\nD = 1\nN = 1"},
                                    {kMqar, "variant = \"mamba_s4d\"\nd = 3\nD = 2\nN = 2"},
                                    {kKeep, "variant = \"mamba\"\npositional = \"scalar\"\nd = 3\nN = 1"},
                                    {kKeep, "variant = \"s4d\"\nd = 1\nN = 2"},
                                    {kInduction, "variant = \"mamba_delta_t\"\ndelta_rank = \"full\"\nd = 2\nN = 1"},
                                    {kPointer, "variant = \"mamba\"\npositional = \"onehot\"\nd = 2\nN = 1"}}) {
    const sweeps::CellResult result = run(cell_of(task, model));
    EXPECT_EQ(result.status, sweeps::Status::done) << model;
    EXPECT_LT(result.accuracy, 0.9) << model;
  }
}

TEST(Construction, OfACellDoesNotDependOnItsPack) {
  const auto grid = sweeps::Grid::parse(
      "[sweep]\nname = \"x\"\nseeds = 3\n[task]\n" + kMqar +
          "[model]\ninit = \"construction\"\ninit_noise = 0.2\nvariant = \"mamba\"\nd = 9\nN = 6\n[train]\nsteps = 5\n",
      "x.toml", make_schema());
  const std::vector<sweeps::CellSpec> cells = {grid.cell(0), grid.cell(1), grid.cell(2)};
  const auto together = run_pack(cells, {cpu_kinds().back()});
  for (std::size_t i = 0; i < cells.size(); ++i) EXPECT_EQ(run(cells[i]).loss, together[i].loss);
}

TEST(InitNoise, MovesEveryTrainedWeightInProportionAndTakesItsSeed) {
  const auto clean = weights_of(cell_of(kMqar, kC1)), little = weights_of(cell_of(kMqar, kC1 + "init_noise = 0.01"));
  EXPECT_EQ(little, weights_of(cell_of(kMqar, kC1 + "init_noise = 0.01")));
  EXPECT_NE(little, weights_of(cell_of(kMqar, kC1 + "init_noise = 0.01", "", 1)));
  double sum = 0, square = 0;
  for (std::size_t i = 0; i < clean.size(); ++i)
    sum += clean[i] * clean[i], square += (little[i] - clean[i]) * (little[i] - clean[i]);
  EXPECT_NEAR(std::sqrt(square / sum), 0.01, 0.003);
}

TEST(InitNoise, LeavesTheTableOfPositionsAsItIs) {
  const auto cell = cell_of(kKeep, "variant = \"mamba\"\npositional = \"scalar\"\nd = 6\nN = 1\ninit_noise = 1");
  const ParameterSet parameters = describe_parameters(construction_case(cell.settings).model);
  auto flat = weights_of(cell);
  Weights weights(parameters, flat.data());
  for (int t = 0; t < 20; ++t) EXPECT_DOUBLE_EQ(weights("position.weight", t, 5), (t + 1) / 20.0);
}

TEST(InitNoise, SpoilsTheSolutionOnceItIsLarge) {
  EXPECT_EQ(run(cell_of(kMqar, kC1 + "init_noise = 0.001")).accuracy, 1);
  EXPECT_LT(run(cell_of(kMqar, kC1 + "init_noise = 1")).accuracy, 0.9);
}

TEST(Training, StartsFromTheConstructionAndCanStayThere) {
  const auto result =
      run(cell_of(kMqar, kC1, "[train]\nsteps = 30\nlearning_rate = 1e-5\n[eval]\nevery = 10\neval_examples = 50"));
  ASSERT_EQ(result.curve.size(), 4u);
  EXPECT_EQ(result.curve[0].step, 0);
  EXPECT_TRUE(std::isnan(result.curve[0].train_loss)) << "nothing has been trained yet";
  EXPECT_EQ(result.steps, 30);
  for (const auto& point : result.curve) EXPECT_EQ(point.accuracy, 1) << point.step;
  EXPECT_EQ(result.accuracy_final, 1);
}

TEST(Training, CanLeaveAConstruction) {
  const auto result =
      run(cell_of(kMqar, kC1, "[train]\nsteps = 40\nlearning_rate = 0.5\n[eval]\nevery = 40\neval_examples = 50"));
  EXPECT_EQ(result.curve[0].accuracy, 1);
  EXPECT_LT(result.accuracy_final, 0.9);
  EXPECT_EQ(result.accuracy, 1) << "the best evaluation is that of step 0";
  EXPECT_EQ(result.best_step, 0);
}

TEST(Training, FindsItsWayBackFromSomeNoise) {
  const auto result =
      run(cell_of(kMqar, kC1 + "init_noise = 0.3",
                  "[train]\nsteps = 400\nlearning_rate = 3e-3\n[eval]\nevery = 100\neval_examples = 100"));
  EXPECT_LT(result.curve[0].accuracy, 0.9);
  EXPECT_GT(result.accuracy_final, result.curve[0].accuracy + 0.05);
}

}  // namespace
}  // namespace phasegrid::worker
