// Bad sweeps, one mistake each: the message says where, names the key and the rule. Settings that nothing reads are
// mistakes, too; that some cells of a grid do not read them is not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "sweeps/grid.hpp"
#include "worker/schema.hpp"
#include "worker/training.hpp"

namespace phasegrid::worker {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string said(const std::string& text) {
  try {
    sweeps::Grid::parse(text, "bad.toml", make_schema());
  } catch (const sweeps::SweepError& error) { return error.what(); }
  return "none";
}

// Lines 1 and 2, [task] from line 3, [model] and all that follows from line 20.
std::string sweep(const std::string& task, const std::string& rest) {
  std::string text = "[sweep]\nname = \"bad\"\n[task]\n" + task;
  for (auto lines = std::count(text.begin(), text.end(), '\n'); lines < 19; ++lines) text += "\n";
  return text + "[model]\n" + rest;
}
const std::string kMqar = "name = \"mqar\"\nkappa = 8\nnu = 16\nT = 64\n", kMamba = "variant = \"mamba\"\nd = 16\n";
const std::string kKeep = "name = \"keep_nth\"\nvocab = 8\nT = 20\n";
std::string mqar(const std::string& line) { return sweep(kMqar + line, kMamba); }
std::string model(const std::string& lines) { return sweep(kMqar, kMamba + lines); }
std::string built(const std::string& lines) { return model("init = \"construction\"\n" + lines); }

struct Bad {
  std::string text, where, what;
};

TEST(BadSweep, NamesThePlaceTheKeyAndTheRule) {
  const Bad all[] = {
      {mqar("vocab = 20\n"), "8:9: task.vocab: ", "1 + kappa + nu"},
      {mqar("pairs = 9\n"), "8:9: task.pairs: ", "kappa"},
      {mqar("pairs = 0\n"), "8:9: task.pairs: ", "expected an integer from 1"},
      {mqar("power_a = -1\n"), "8:11: task.power_a: ", "expected a number from"},
      {mqar("token_noise = -0.1\n"), "8:15: task.token_noise: ", "expected a number from 0"},
      {mqar("token_noise = 1.5\n"), "8:15: task.token_noise: ", "expected a number from 0 to 1"},
      {mqar("embedding_noise = -1\n"), "8:19: task.embedding_noise: ", "expected a number from 0"},
      {mqar("filler = \"noise\"\n"), "8:10: task.filler: ", "expected one of \"zero\", \"random\""},
      {mqar("overwrites = 40\n"), "8:14: task.overwrites: ", ""},
      {mqar("hops = 2\n"), "8:1: task.hops: ", ""},
      {sweep("name = \"mqar\"\nkappa = 8\nnu = 16\nT = 63\n", kMamba), "7:5: task.T: ", "even"},
      {sweep("name = \"mqar\"\nkappa = 8\nnu = 16\nT = 24\n", kMamba), "7:5: task.T: ", "T"},
      {sweep("name = \"mqar\"\nkappa = 8\nnu = 4\nT = 64\n", kMamba), "6:6: task.nu: ", ""},
      {sweep("name = \"mqra\"\n", kMamba), "4:8: task.name: ", "did you mean \"mqar\""},
      {sweep(kKeep + "n = 21\n", kMamba), "7:5: task.n: ", "n"},
      {sweep("name = \"piecewise_constant\"\njumps = 64\nT = 64\n", kMamba), "5:9: task.jumps: ", "jumps < T"},
      {sweep(kMqar, "variant = \"mamba\"\n"), "20:1: model.d: ", "is missing, expected"},
      {sweep(kMqar, "variant = \"mambo\"\nd = 4\n"), "21:11: model.variant: ", "did you mean \"mamba\""},
      {sweep(kMqar, "variant = \"s4d\"\nd = 4\nN = 5\n"), "23:5: model.N: ", "even N"},
      {sweep(kMqar, "variant = \"s4d\"\nd = 4\nheads = 2\n"), "23:9: model.heads: ", "is not read by s4d"},
      {sweep(kMqar, "variant = \"mamba2\"\nd = 10\nheads = 3\n"), "23:9: model.heads: ", "multiple of the heads"},
      {model("conv = 5\n"), "23:8: model.conv: ", "expected an integer from 0 to 4"},
      {model("expand = 2\nD = 5\n"), "24:5: model.D: ", "expand and D are both given"},
      {model("delta_rank = 17\n"), "23:14: model.delta_rank: ", "delta_rank <= D"},
      {model("init_noise = 0.1\n"), "23:14: model.init_noise: ", "init = \"construction\""},
      {built("construction = \"C7\"\n"), "24:16: model.construction: ", "C7 does not solve mqar with mamba"},
      {built("conv = 1\n"), "24:8: model.conv: ", "expected conv >= 2"},
      {model("[train]\nsteps = 10\nwarmup = 11\n"), "25:10: train.warmup: ", "warmup <= steps"},
      {model("[train]\nsteps = 10\nepochs = 2\n"), "24:9: train.steps: ", "expected one of them"},
      {model("[train]\nlearning_rate = \"fast\"\n"), "24:18: train.learning_rate: ", "expected a number"},
      {model("[eval]\neval_examples = 0\n"), "24:17: eval.eval_examples: ", "expected an integer from 1"},
  };
  for (const Bad& bad : all) {
    const std::string message = said(bad.text);
    EXPECT_THAT(message, StartsWith("bad.toml:" + bad.where)) << bad.text;
    EXPECT_THAT(message, HasSubstr(bad.what)) << bad.text;
  }
}

TEST(UnreadSetting, IsRefusedWhereItStands) {
  const Bad all[] = {
      {model("construction = \"C1\"\n"), "23:16: model.construction: ", "expected it together with init = \"construction\""},
      {built("init_scale = 0.5\n"), "24:14: model.init_scale: ", "init = \"random\""},
      {model("time_layer = \"trained\"\n"), "23:14: model.time_layer: ", "positional = \"ssm_time\""},
      {model("delta_activation = \"fixed\"\ndelta_rank = 2\n"), "24:14: model.delta_rank: ", "delta_activation other than"},
      {built("[train]\nlearning_rate = 0.1\n"), "25:17: train.learning_rate: ", "steps of at least 1"},
      {built("[train]\nstop_at_accuracy = 0.9\n"), "25:20: train.stop_at_accuracy: ", "steps of at least 1"},
      {model("[diagnostics]\ndiagnostics_examples = 5\n"), "24:24: diagnostics.diagnostics_examples: ", "one of decay"},
      {"[axes]\nconstruction = [\"C1\", \"C2a\"]\n" + model(""), "2:16: axes.construction: ", "init = \"construction\""},
  };
  for (const Bad& bad : all) {
    const std::string message = said(bad.text);
    EXPECT_THAT(message, StartsWith("bad.toml:" + bad.where)) << bad.text;
    EXPECT_THAT(message, HasSubstr("is read by no cell of this sweep")) << bad.text;
    EXPECT_THAT(message, HasSubstr(bad.what)) << bad.text;
  }
}

TEST(UnreadSetting, IsAFactOfTheGridWhereSomeCellsReadIt) {
  const std::string both = "[axes]\ninit = [\"random\", \"construction\"]\n";
  EXPECT_EQ(said(both + model("construction = \"C1\"\n")), "none");
  EXPECT_EQ(said(both + model("init_scale = 0.5\n[train]\nlearning_rate = 0.1\n")), "none");
  EXPECT_EQ(said("[axes]\npositional = [\"none\", \"ssm_time\"]\n" + model("time_layer = \"trained\"\n")), "none");
  EXPECT_EQ(said(model("[diagnostics]\ndecay = true\ndiagnostics_examples = 5\n")), "none");
  EXPECT_EQ(said(built("[train]\nsteps = 5\nlearning_rate = 0.1\n")), "none");
  EXPECT_EQ(said(model("construction = \"auto\"\ninit_scale = 1\ntime_layer = \"fixed\"\n")), "none") << "a default said aloud";
}

TEST(DiagnosticsExamples, AreSequencesOfTheTestSet) {
  EXPECT_THAT(said(model("[diagnostics]\ndecay = true\ndiagnostics_examples = 1001\n")),
              HasSubstr("diagnostics_examples: no cell of this grid can exist: sequences of the test set, expected at most eval_examples"));
  const auto grid = sweeps::Grid::parse(model("[eval]\neval_examples = 10\n[diagnostics]\ndecay = true\n"), "x.toml", make_schema());
  EXPECT_EQ(grid.cell(0).settings.integer("diagnostics_examples"), 10) << "16 where the test set has so many";
}

TEST(EvalT, IsRefusedWhereNoCellCanHaveTheLength) {
  EXPECT_THAT(said(model("[eval]\nT = [128, 24]\n")), StartsWith("bad.toml:24:11: eval.T: no cell of this sweep can be tested at T = 24: "));
  EXPECT_THAT(said(model("[eval]\nT = [65]\n")), HasSubstr("even"));
  EXPECT_THAT(said(sweep("name = \"pointer_value_retrieval\"\nT = 9\n", kMamba + "[eval]\nT = [5, 9, 12]\n")),
              HasSubstr("24:12: eval.T: no cell of this sweep can be tested at T = 12: T: the task pointer_value_retrieval has more symbols"));
  EXPECT_EQ(said("[axes]\npairs = [4, 8]\n" + model("[eval]\nT = [24, 128]\n")), "none") << "four pairs fit into 24";
}

TEST(EvalT, SaysOfEachCellWhetherItsTaskFits) {
  const auto grid = sweeps::Grid::parse("[axes]\npairs = [4, 8]\n" + model("[eval]\nT = [24]\n"), "x.toml", make_schema());
  EXPECT_EQ(length_fits(grid.cell(0).settings, 24), "");
  EXPECT_THAT(length_fits(grid.cell(1).settings, 24), HasSubstr("T"));
  EXPECT_EQ(length_fits(grid.cell(1).settings, 64), "") << "its own length";
}

}  // namespace
}  // namespace phasegrid::worker
