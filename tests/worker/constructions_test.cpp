// Weights from theorems: exact where theory says so and wrong below, whatever switches the model has; noise, training from them,
// and what cannot be built.
#include "worker/models/constructions/constructions.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "sweeps/grid.hpp"
#include "sweeps/thresholds.hpp"
#include "worker/models/network.hpp"
#include "worker/run_pack.hpp"
#include "worker/schema.hpp"
#include "worker/verification/verify.hpp"

namespace phasegrid::worker {
namespace {

using testing::HasSubstr;

const std::string kMqar = "name = \"mqar\"\nkappa = 6\nnu = 8\nT = 40\n", kRandom = kMqar + "filler = \"random\"\n";
const std::string kKeep = "name = \"keep_nth\"\nvocab = 10\nT = 20\n", kPointer = "name = \"pointer_value_retrieval\"\nnu = 6\nT = 9\n";
const std::string kInduction = "name = \"induction_heads\"\nvocab = 5\nT = 40\n";

std::string text_of(const std::string& task, const std::string& model, const std::string& train = "", int seed = 0) {
  return "[sweep]\nname = \"x\"\nseeds = [" + std::to_string(seed) + "]\n[task]\n" + task + "[model]\ninit = \"construction\"\n" + model + "\n" + train;
}
sweeps::CellSpec cell_of(const std::string& task, const std::string& model, const std::string& train = "[eval]\neval_examples = 100", int seed = 0) {
  return sweeps::Grid::parse(text_of(task, model, train, seed), "x.toml", make_schema()).cell(0);
}
std::string error_of(const std::string& task, const std::string& model, const std::string& train = "") {
  try {
    cell_of(task, model, train);
  } catch (const sweeps::SweepError& error) { return error.what(); }
  return "none";
}
sweeps::CellResult run(const sweeps::CellSpec& cell) { return run_pack(std::span(&cell, 1), {cpu_kinds().back()}).front(); }

std::vector<double> weights_of(const sweeps::CellSpec& cell) {
  const ParameterSet parameters = describe_parameters(construction_case(cell.settings).model);
  std::vector<double> flat(static_cast<std::size_t>(parameters.size()));
  construct(cell, parameters, flat.data());
  return flat;
}

// --- The theorems -----------------------------------------------------------------------------------------------------------

struct Request {
  std::int64_t kappa, nu, T;
  std::uint64_t seed;
};
class Theorems : public testing::TestWithParam<Request> {};

TEST_P(Theorems, HoldInBothPrecisionsAndFailOneStepBelow) {
  const Request& r = GetParam();
  const auto lines = verify({.kappa = r.kappa, .nu = r.nu, .T = r.T, .seed = r.seed, .examples = 60}, {cpu_kinds().back()});
  std::map<std::string, int> seen;
  for (const Verified& line : lines) {
    ++seen[line.construction];
    EXPECT_GE(line.accuracy, line.least) << line.construction << " " << line.variant << " in float";
    EXPECT_GE(line.accuracy_double, line.least) << line.construction << " " << line.variant << " in double";
    EXPECT_EQ(line.least, line.construction == "C2c" ? 0.99 : 1);
    ASSERT_FALSE(line.below.empty()) << line.construction;
    for (const Below& below : line.below) EXPECT_LT(below.accuracy, line.least) << line.construction << " " << line.variant << ": " << below.what;
  }
  for (const std::string& name : construction_names())
    if (name != "auto") {
      EXPECT_TRUE(seen.contains(name)) << name << " is not verified";
    }
  for (const char* haar : {"H1", "H2", "H3"}) EXPECT_TRUE(seen.contains(haar)) << haar;
}

INSTANTIATE_TEST_SUITE_P(Sizes, Theorems, testing::Values(Request{8, 16, 64, 0}, Request{5, 3, 44, 1}, Request{13, 40, 99, 2}, Request{2, 2, 9, 3}),
                         [](const auto& info) { return "kappa" + std::to_string(info.param.kappa) + "nu" + std::to_string(info.param.nu) + "T" + std::to_string(info.param.T); });

TEST(Theorems, AreVerifiedForTheTaskAndVariantThatAreAskedFor) {
  const auto lines = verify({.task = "keep_nth", .variant = "mamba", .examples = 10}, {cpu_kinds().back()});
  ASSERT_FALSE(lines.empty());
  for (const Verified& line : lines) EXPECT_EQ(line.construction, "C5");
  EXPECT_TRUE(verify({.task = "k_hop"}, {cpu_kinds().back()}).empty());
}

// --- Every switch that a construction allows ----------------------------------------------------------------------------------

struct Build {
  const char* name;
  std::string task, model;
};
void PrintTo(const Build& build, std::ostream* out) { *out << build.name; }

std::vector<Build> builds() {
  const std::string s6 = "variant = \"mamba\"\n", ssd = "variant = \"mamba2\"\n", s4d = "variant = \"mamba_s4d\"\n", dt = "variant = \"mamba_delta_t\"\n";
  const std::string identity = "activation = \"identity\"\n", relu = "activation = \"relu\"\n", bare = "gate = false\n";
  const std::string scalar = "positional = \"scalar\"\n", learned = "positional = \"learned\"\n", c1 = s6 + "d = 9\nN = 6\n", c1b = s6 + "d = 11\nN = 6\n";
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
      {"c2b_signed_two_heads", kMqar, ssd + "construction = \"C2b\"\nd = 9\nD = 8\nN = 7\nheads = 2\ngroups = 2\n" + identity + bare},
      {"c4_one_column", kMqar, ssd + "d = 9\nD = 18\nN = 1\n"},
      {"c4_relu", kMqar, ssd + "d = 9\nD = 9\nN = 2\n" + relu},
      {"c4_silu_heads_groups", kMqar, ssd + "d = 12\nD = 12\nN = 4\nheads = 4\ngroups = 2\n"},
      {"c3", kMqar, s4d + "d = 9\nD = 18\nN = 2\n"},
      {"c3_real_relu", kMqar, s4d + "d = 18\nN = 3\ns4d_mode = \"real\"\n" + relu},
      {"c5", kKeep, s6 + "d = 6\nN = 1\n" + scalar},
      {"c5_relu_zoh_learned", kKeep, s6 + "d = 6\nN = 1\ndiscretisation = \"zoh\"\n" + relu + learned},
      {"c5_identity_no_conv", kKeep, s6 + "d = 8\nN = 3\nconv = 0\n" + identity + scalar + bare},
      {"c5_time_layer", kKeep, s6 + "d = 6\nN = 1\npositional = \"ssm_time\"\n"},
      {"c5_trained_time_layer", kKeep, s6 + "d = 7\nN = 2\npositional = \"ssm_time\"\ntime_layer = \"trained\"\n" + relu},
      {"c1b_time_layer", kRandom, c1b + "positional = \"ssm_time\"\n"},
      {"c5_last", kKeep + "n = 20\n", s6 + "d = 6\nN = 1\n" + scalar},
      {"c6", kKeep, "variant = \"s4d\"\nd = 4\nN = 22\n"},
      {"c6_gate_euler", kKeep, s4d + "d = 5\nN = 22\ndiscretisation = \"euler\"\n"},
      {"c6_more_modes", kKeep, "variant = \"s4d\"\nd = 7\nN = 30\nconv = 0\n" + identity},
      {"c7", kInduction, dt + "d = 10\nN = 5\ndelta_rank = \"full\"\n"},
      {"c7_low_rank_hard", kInduction + "form = \"hard\"\n", dt + "d = 13\nN = 8\ndelta_rank = 7\n" + relu},
      {"c7_euler_recency", kInduction + "form = \"recency\"\n", dt + "d = 10\nN = 5\ndelta_rank = \"full\"\ndiscretisation = \"euler\"\n" + bare},
      {"c7_zoh_easy", kInduction + "form = \"easy\"\n", dt + "d = 12\nN = 6\ndelta_rank = \"full\"\ndiscretisation = \"zoh\"\n"},
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
  const bool follows = construction.name == "C3" && !cell.settings.given("D");   // d is then as wide as the slots
  EXPECT_EQ(exact["d"], follows ? std::max(sizes.d, sizes.D) : sizes.d);
  EXPECT_EQ(exact["D"], sizes.D);
  EXPECT_EQ(exact["N"], sizes.N);
  for (const auto& threshold : sweeps::thresholds(cell.settings))   // theory 3.7: what is necessary lies below what is enough
    if (threshold.kind == sweeps::Bound::lower_bound) {
      EXPECT_LE(threshold.value, static_cast<double>(sizes.D * sizes.N)) << threshold.name;
    }
}

INSTANTIATE_TEST_SUITE_P(EverySwitch, Built, testing::ValuesIn(builds()), [](const auto& info) { return std::string(info.param.name); });

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
      "[sweep]\nname = \"x\"\nseeds = 3\n[task]\n" + kMqar + "[model]\ninit = \"construction\"\ninit_noise = 0.2\nvariant = \"mamba\"\nd = 9\nN = 6\n[train]\nsteps = 5\n", "x.toml", make_schema());
  const std::vector<sweeps::CellSpec> cells = {grid.cell(0), grid.cell(1), grid.cell(2)};
  const auto together = run_pack(cells, {cpu_kinds().back()});
  for (std::size_t i = 0; i < cells.size(); ++i) EXPECT_EQ(run(cells[i]).loss, together[i].loss);
}

// --- Noise and training -------------------------------------------------------------------------------------------------------

const std::string kC1 = "variant = \"mamba\"\nd = 9\nN = 6\n";

TEST(InitNoise, MovesEveryTrainedWeightInProportionAndTakesItsSeed) {
  const auto clean = weights_of(cell_of(kMqar, kC1)), little = weights_of(cell_of(kMqar, kC1 + "init_noise = 0.01"));
  EXPECT_EQ(little, weights_of(cell_of(kMqar, kC1 + "init_noise = 0.01")));
  EXPECT_NE(little, weights_of(cell_of(kMqar, kC1 + "init_noise = 0.01", "", 1)));
  double sum = 0, square = 0;
  for (std::size_t i = 0; i < clean.size(); ++i) sum += clean[i] * clean[i], square += (little[i] - clean[i]) * (little[i] - clean[i]);
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
  const auto result = run(cell_of(kMqar, kC1, "[train]\nsteps = 30\nlearning_rate = 1e-5\n[eval]\nevery = 10\neval_examples = 50"));
  ASSERT_EQ(result.curve.size(), 4u);
  EXPECT_EQ(result.curve[0].step, 0);
  EXPECT_TRUE(std::isnan(result.curve[0].train_loss)) << "nothing has been trained yet";
  EXPECT_EQ(result.steps, 30);
  for (const auto& point : result.curve) EXPECT_EQ(point.accuracy, 1) << point.step;
  EXPECT_EQ(result.accuracy_final, 1);
}

TEST(Training, CanLeaveAConstruction) {
  const auto result = run(cell_of(kMqar, kC1, "[train]\nsteps = 40\nlearning_rate = 0.5\n[eval]\nevery = 40\neval_examples = 50"));
  EXPECT_EQ(result.curve[0].accuracy, 1);
  EXPECT_LT(result.accuracy_final, 0.9);
  EXPECT_EQ(result.accuracy, 1) << "the best evaluation is that of step 0";
  EXPECT_EQ(result.best_step, 0);
}

TEST(Training, FindsItsWayBackFromSomeNoise) {
  const auto result = run(cell_of(kMqar, kC1 + "init_noise = 0.3", "[train]\nsteps = 400\nlearning_rate = 3e-3\n[eval]\nevery = 100\neval_examples = 100"));
  EXPECT_LT(result.curve[0].accuracy, 0.9);
  EXPECT_GT(result.accuracy_final, result.curve[0].accuracy + 0.05);
}

// --- What cannot be built -------------------------------------------------------------------------------------------------------

TEST(Construction, ThatDoesNotExistNamesTheKeyAndTheRule) {
  EXPECT_THAT(error_of("name = \"k_hop\"\n", "variant = \"mamba\"\nd = 4"), HasSubstr("model.init: no cell of this grid can exist: no theorem gives weights of mamba for k_hop, expected \"random\""));
  EXPECT_THAT(error_of(kMqar, "variant = \"attention\"\nd = 4"), HasSubstr("no theorem gives weights of attention for mqar"));
  EXPECT_THAT(error_of(kMqar, "variant = \"mamba\"\nd = 4\nconstruction = \"C3\""), HasSubstr("model.construction: no cell of this grid can exist: C3 does not solve mqar with mamba"));
  EXPECT_THAT(error_of(kMqar, "variant = \"mamba\"\nd = 4\nconstruction = \"C9\""), HasSubstr("expected one of \"auto\", \"C1\""));
}

TEST(Construction, NamesTheSwitchThatItCannotWorkWith) {
  const std::string s6 = "variant = \"mamba\"\nd = 12\n", ssd = "variant = \"mamba2\"\nd = 12\n";
  for (const auto& [task, model, message] : std::vector<std::tuple<std::string, std::string, std::string>>{
           {kMqar, s6 + "layers = 2", "layers: "},
           {kMqar, s6 + "norm = \"rms\"", "norm: "},
           {kMqar, s6 + "final_norm = \"rms\"", "final_norm: "},
           {kMqar, s6 + "residual = true", "residual: "},
           {kMqar, s6 + "tied_embedding = true", "tied_embedding: "},
           {kMqar, s6 + "conv = 1", "conv: "},
           {kMqar, s6 + "delta_activation = \"tanh\"", "delta_activation: "},
           {kMqar, "variant = \"mamba\"\nd = 1", "d: "},
           {kMqar + "token_noise = 0.1\n", s6, "token_noise: "},
           {kMqar + "overwrites = 1\n", s6, "overwrites: "},
           {kMqar, s6 + "construction = \"C2a\"", "activation: "},
           {kMqar, s6 + "construction = \"C2a\"\nactivation = \"identity\"", "gate: "},
           {kMqar + "distinct_values = false\n", s6 + "construction = \"C2a\"\nactivation = \"identity\"\ngate = false", "distinct_values: "},
           {kMqar, s6 + "construction = \"C1'\"", "activation: "},
           {kRandom, s6 + "construction = \"C1\"", "filler: "},
           {kRandom, s6 + "construction = \"C1b\"", "positional: "},
           {kMqar, ssd + "construction = \"C4\"\ngate = false", "gate: "},
           {kMqar, ssd + "gated_norm = true", "gated_norm: "},
           {kKeep, s6, "positional: "},
           {kKeep, s6 + "positional = \"scalar\"\ndiscretisation = \"none\"", "discretisation: "},
           {kKeep, "variant = \"s4d\"\nd = 4\nN = 22\ns4d_mode = \"real\"", "s4d_mode: "},
           {kInduction, "variant = \"mamba_delta_t\"\nd = 12", "delta_rank: "},
           {kPointer + "pointer = \"first\"\n", s6 + "positional = \"onehot\"", "pointer: "},
           {kPointer + "window = 2\n", s6 + "positional = \"onehot\"", "window: "},
           {kPointer, s6, "positional: "}}) {
    const std::string error = error_of(task, model), key = message.substr(0, message.size() - 2);
    EXPECT_THAT(error, HasSubstr("." + key + ": ")) << model;
    EXPECT_THAT(error, HasSubstr("expected")) << model;
  }
}

TEST(Construction, OfBadSettingsNamesTheKeyAndTheRule) {
  EXPECT_THAT(error_of(kMqar, kC1 + "init_noise = -0.1"), HasSubstr("init_noise: found -0.1, expected a number from 0 to 100"));
  EXPECT_THAT(error_of(kMqar + "vocab = 9\n", kC1), HasSubstr("task.vocab: "));
  EXPECT_THAT(error_of(kMqar + "pairs = 7\n", kC1), HasSubstr("task.pairs: "));
  EXPECT_THAT(error_of("name = \"mqar\"\nkappa = 6\nnu = 8\nT = 22\n", kC1), HasSubstr("task.T: "));
  EXPECT_THAT(error_of("name = \"mqar\"\nkappa = 6\nnu = 8\nT = 41\n", kC1), HasSubstr("T must be even"));
  const auto random = [](const std::string& lines) {
    try {
      sweeps::Grid::parse("[sweep]\nname = \"x\"\n[task]\n" + kMqar + "[model]\nvariant = \"mamba\"\nd = 9\n" + lines, "x.toml", make_schema());
    } catch (const sweeps::SweepError& error) { return std::string(error.what()); }
    return std::string("none");
  };
  EXPECT_THAT(random("init_noise = 0.5\n"), HasSubstr("model.init_noise: no cell of this grid can exist: noise is added to a construction"));
  EXPECT_THAT(random("[train]\nsteps = 0\n"), HasSubstr("train.steps: no cell of this grid can exist: random weights must be trained"));
  EXPECT_THAT(random("expand = 2\nD = 5\n"), HasSubstr("model.D: no cell of this grid can exist: expand and D are both given"));
  EXPECT_EQ(random("expand = 2\nD = 18\n"), "none");
}

TEST(Settings, OfTheStartReKeyNothing) {
  const std::string plain = "[sweep]\nname = \"x\"\n[task]\n" + kMqar + "[model]\nvariant = \"mamba\"\nd = 9\n";
  const auto canonical = [&](const std::string& more) { return sweeps::Grid::parse(plain + more, "x.toml", make_schema()).cell(0).settings.canonical(sweeps::Section::model); };
  EXPECT_EQ(canonical(""), "d = 9\nvariant = \"mamba\"\n");
  EXPECT_EQ(canonical("init = \"random\"\nconstruction = \"auto\"\ninit_noise = 0\nD = 9\n"), canonical(""));
}

}  // namespace
}  // namespace phasegrid::worker
