#include "worker/schema.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "sweeps/defaults.hpp"
#include "sweeps/grid.hpp"
#include "worker/calibrate.hpp"
#include "worker/models/network.hpp"
#include "worker/models/registry.hpp"
#include "worker/row_counts.hpp"

namespace phasegrid::worker {
namespace {

using sweeps::Key;
using sweeps::Section;

sweeps::Grid grid(const std::string& task, const std::string& model, const std::string& rest = "") {
  return sweeps::Grid::parse(
      "[sweep]\nname = \"t\"\n[task]\n" + task + "\n[model]\nvariant = \"mamba\"\n" + model + "\n" + rest, "t.toml",
      make_schema());
}

std::string error_of(const std::string& task, const std::string& model, const std::string& rest = "") {
  try {
    grid(task, model, rest);
  } catch (const sweeps::SweepError& error) { return error.what(); }
  return "none";
}

TEST(Schema, KeyNamesAreUniqueOverAllTables) {
  std::set<std::string> names;
  for (const Key& key : make_schema()->keys) EXPECT_TRUE(names.insert(key.name).second) << key.name;
}

TEST(Schema, EveryKeyExplainsItself) {
  for (const Key& key : make_schema()->keys) EXPECT_FALSE(key.help.empty()) << key.name;
}

TEST(Schema, EveryPlainDefaultIsAllowed) {
  for (const Key& key : make_schema()->keys) {
    const auto value = sweeps::literal(key, key.fallback);
    EXPECT_TRUE(!value || sweeps::converted(key, *value)) << key.name;
  }
}

TEST(Schema, EveryTaskHasACellThatFitsWithItsDefaults) {
  for (const auto& task : tasks::all_tasks()) {
    if (task.name == "file") {
      EXPECT_EQ(error_of("name = \"file\"", "d = 4"), "t.toml:3:1: task.path: is missing, expected the path of a file in [task] or a list of them in [axes]");
      continue;
    }
    EXPECT_EQ(error_of("name = \"" + task.name + "\"", "d = 4"), "none");
    const auto cell = grid("name = \"" + task.name + "\"", "d = 4").cell(0);
    for (const auto& option : task.options) EXPECT_FALSE(cell.settings.given(option.name)) << option.name;
    const TaskFacts facts = task_facts(cell.settings);
    const auto made = task.make(task_options(cell.settings));
    EXPECT_EQ(facts.vocab, made->vocab());
    EXPECT_EQ(facts.T, made->T());
  }
}

TEST(Schema, EveryModelKeyOfAVariantExists) {
  for (const auto& variant : all_variants())
    for (const auto& key : variant.keys) {
      const int at = make_schema()->find(key);
      ASSERT_GE(at, 0) << key;
      EXPECT_EQ(make_schema()->keys[at].section, Section::model);
    }
}

TEST(Schema, AVocabularyAloneIsLaidOutAsZoologyDoes) {
  const auto s = grid("name = \"mqar\"\nvocab = 16\npairs = 4\nT = 32", "d = 4").cell(0).settings;
  EXPECT_EQ(s.integer("kappa"), 7);
  EXPECT_EQ(s.integer("nu"), 8);
  EXPECT_EQ(s.canonical(Section::task), "T = 32\nkappa = 7\nnu = 8\npairs = 4\ntask = \"mqar\"\n");
}

TEST(Schema, EpochsBecomeSteps) {
  const auto s = grid("name = \"mqar\"", "d = 4", "[train]\nepochs = 3\nexamples = 1000\nbatch = 64").cell(0).settings;
  EXPECT_EQ(s.integer("steps"), 3 * 16);
}

TEST(Schema, RulesBetweenSettingsNameTheKey) {
  const std::string mqar = "name = \"mqar\"";
  EXPECT_EQ(
      error_of(mqar, "d = 4", "[train]\nsteps = 10\nepochs = 2\nexamples = 5"),
      "t.toml:9:9: train.steps: no cell of this grid can exist: epochs and steps are both given, expected one of them");
  EXPECT_EQ(error_of(mqar, "d = 4", "[train]\nepochs = 2"),
            "t.toml:3:1: train.examples: no cell of this grid can exist: epochs are passes over a fixed training set, "
            "expected "
            "examples of at least 1");
  EXPECT_EQ(error_of(mqar, "d = 4", "[train]\nsteps = 10\nwarmup = 20"),
            "t.toml:10:10: train.warmup: no cell of this grid can exist: warm-up ends before training does, warmup <= "
            "steps, but "
            "warmup = 20 and steps = 10");
  EXPECT_EQ(error_of(mqar, "d = 4\ndelta_rank = 5"),
            "t.toml:8:14: model.delta_rank: no cell of this grid can exist: a bottleneck is at most as wide as what it "
            "joins, "
            "delta_rank <= D, but delta_rank = 5 and D = 4");
  EXPECT_EQ(error_of(mqar + "\nT = 33", "d = 4"),
            "t.toml:5:5: task.T: no cell of this grid can exist: pairs and queries take two places each, T must be "
            "even, but T = 33");
}

// Every rule of every task, as a user meets it: the place in the file, the key, the rule and the numbers.
TEST(Schema, SaysWhichKeyOfATaskIsWrongAndByWhichRule) {
  const std::string mqar = "name = \"mqar\"\n";
  const std::pair<std::string, std::string> wrong[] = {
      {mqar + "vocab = 10\nkappa = 8", "task.vocab: no cell of this grid can exist: filler, keys and values must fit in, 1 + kappa + nu <= vocab, but kappa = 8 and nu = 8 and vocab = 10"},
      {mqar + "pairs = 9\nkappa = 8\nnu = 16", "task.pairs: no cell of this grid can exist: keys are drawn without replacement, pairs <= kappa, but pairs = 9 and kappa = 8"},
      {mqar + "T = 30", "task.T: no cell of this grid can exist: every pair is asked for once, 4 * pairs + 2 * overwrites <= T, but pairs = 8 and T = 30 and overwrites = 0"},
      {mqar + "T = 33", "task.T: no cell of this grid can exist: pairs and queries take two places each, T must be even, but T = 33"},
      {mqar + "token_noise = -0.1", "task.token_noise: found -0.1, expected a number from 0 to 1"},
      {mqar + "embedding_noise = -1", "task.embedding_noise: found -1, expected a number from 0 to 1e+06"},
      {mqar + "kappa = 0", "task.kappa: found 0, expected an integer from 1 to 1048576"},
      {"name = \"keep_nth\"\nn = 21", "task.n: no cell of this grid can exist: the token to keep must lie in the sequence, n <= T, but n = 21 and T = 20"},
      {"name = \"selective_copy\"\ncopies = 40", "task.T: no cell of this grid can exist: every symbol comes once and is asked for once, 2 * copies <= T, but copies = 40 and T = 64"},
      {"name = \"prime_frequencies\"\nT = 58", "task.T: no cell of this grid can exist: tones sound alike on a grid that is too coarse, 2 * 29 < T for the largest of these primes, but frequencies = 10 and T = 58"},
      {"name = \"piecewise_constant\"\njumps = 64", "task.jumps: no cell of this grid can exist: the grid tells at most T - 1 jumps apart, jumps < T, but jumps = 64 and T = 64"},
      {"name = \"absolute_value\"\nsigma1 = 0", "task.sigma1: no cell of this grid can exist: without spread there is nothing to learn, sigma1 > 0, but sigma1 = 0"},
  };
  for (const auto& [task, message] : wrong) EXPECT_NE(error_of(task, "d = 4").find(message), std::string::npos) << error_of(task, "d = 4") << "\nexpected: " << message;
  EXPECT_NE(error_of("name = \"linear_functional\"", "d = 4\ntied_embedding = true").find("tied_embedding: no cell of this grid can exist: a real-valued task has no embedding"), std::string::npos);
}

TEST(Cost, CountsTheParametersOfTheNetwork) {
  const std::string task = "name = \"mqar\"\nvocab = 16\npairs = 4\nT = 32";
  const auto parameters = [&](const std::string& model) {
    return cell_cost(grid(task, model).cell(0).settings).parameters;
  };
  // Frozen from an independent count (theory, 1.3).
  EXPECT_EQ(parameters("d = 32\nexpand = 2\nN = 8\nconv = 4"), 9424u);
  EXPECT_EQ(parameters("d = 32\nexpand = 2\nN = 8\nconv = 4\nnorm = \"rms\"\nresidual = true"), 9424u + 32 + 32);
  EXPECT_EQ(parameters("d = 16\nN = 8\ngate = false\ndelta_rank = \"full\""), 1760u);
  for (const char* model :
       {"d = 5", "d = 8\nlayers = 3\nnorm = \"layer\"\nfinal_norm = \"rms\"", "d = 8\npositional = \"learned\"",
        "d = 8\nconv = 0\ngate = false", "d = 20\ndelta_rank = 3", "d = 8\ntied_embedding = true",
        "d = 8\ndelta_activation = \"fixed\"", "d = 8\nexpand = 3\nN = 3\ndelta_rank = \"full\"",
        "d = 8\npositional = \"scalar\""}) {
    const auto cell = grid(task, model).cell(0);
    const TaskFacts facts = task_facts(cell.settings);
    EXPECT_EQ(parameters(model),
              static_cast<std::uint64_t>(
                  describe_parameters(model_settings(cell.settings, facts.vocab, facts.T)).trainable()))
        << model;
  }
}

TEST(Cost, GrowsWithWhatIsDone) {
  const auto cost = [](const std::string& model, const std::string& rest = "") {
    return cell_cost(grid("name = \"mqar\"\nkappa = 4\nT = 64", model, rest).cell(0).settings);
  };
  const auto small = cost("d = 16");
  EXPECT_GT(cost("d = 64").flops, 4 * small.flops);
  EXPECT_GT(cost("d = 16\nN = 64").exponentials, 2 * small.exponentials);
  EXPECT_GT(cost("d = 16\nlayers = 2").flops, small.flops);
  EXPECT_EQ(cost("d = 16", "[train]\nsteps = 1500").steps, 1500);
  EXPECT_EQ(small.positions, (3000 + 32 * 1000 / 64.0) * 64 * 64);  // 30 evaluations and two tests of 1000 sequences
}

TEST(Cost, RunsOfFillerAreCheap) {
  const auto work = [](const std::string& filler) {
    return cell_cost(
               grid("name = \"mqar\"\nkappa = 4\nT = 256\nfiller = \"" + filler + "\"", "d = 16").cell(0).settings)
        .exponentials;
  };
  EXPECT_LT(work("zero"), work("random") / 2);
}

TEST(RowCounts, StayWithinTheBatch) {
  const auto cell = grid("name = \"mqar\"\nkappa = 4\nT = 64", "d = 4\nlayers = 2", "[train]\nbatch = 8").cell(0);
  const RowCounts& counts = row_counts(cell.settings);
  EXPECT_EQ(counts.scored, 4 * 8);
  EXPECT_LE(counts.first.rows, 9);
  EXPECT_LE(counts.first.windows, 8 * 64);
  EXPECT_EQ(counts.last.outputs, counts.scored);
  EXPECT_EQ(counts.inner.outputs, counts.inner.windows);
}

TEST(Rates, SurviveTheirText) {
  const sweeps::Rates rates{1.5e11, 6e9, 2.5e7, 7e5};
  sweeps::Rates read;
  ASSERT_TRUE(rates_from_text(to_text(rates), read));
  EXPECT_EQ(to_text(read), to_text(rates));
  for (const char* broken : {"", "rates", "rates 1 version 1 1 2 3", "rates 1 version 1 1 2 3 4 5",
                             "rates 1 version 1 1 2 3 -4", "rates 1 version 1 1 nan 3 4"})
    EXPECT_FALSE(rates_from_text(broken, read)) << broken;
}

TEST(Rates, OfThisMachineArePositive) {
  const sweeps::Rates rates = measure_rates("cpu-portable");
  for (const double rate : {rates.flop_rate, rates.exp_rate, rates.position_rate, rates.step_rate}) EXPECT_GT(rate, 0);
}

}  // namespace
}  // namespace phasegrid::worker
