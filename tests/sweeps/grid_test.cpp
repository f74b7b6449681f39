#include "sweeps/grid.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <random>

#include "tests/sweeps/fake_schema.hpp"

namespace phasegrid::sweeps {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> axis_names(const Grid& grid) {
  std::vector<std::string> names;
  for (const Axis& axis : grid.axes()) names.push_back(axis.name);
  return names;
}

TEST(Grid, EveryCellSurvivesIndexAndBack) {
  const Grid grid =
      recall("kappa = [2, 4, 8]\nd = [4, 8]\nN = [1, 2]\ngate = [true, false]\nzip = [[\"d\", \"N\"]]", "");
  ASSERT_EQ(grid.size(), 3 * 2 * 2);
  for (std::uint64_t i = 0; i < grid.size(); ++i) {
    EXPECT_EQ(grid.index(grid.coordinates(i)), i);
    EXPECT_EQ(grid.find(grid.label(i)), i) << grid.label(i);
    EXPECT_EQ(grid.find(std::to_string(i)), i);
    EXPECT_EQ(grid.cell(i).index, i);
  }
}

TEST(Grid, TheSeedIsTheLastAndFastestAxis) {
  const Grid grid = parsed("[sweep]\nname = \"t\"\nseeds = [7, 3]\n[task]\nname = \"recall\"\n[axes]\nd = [4, 8]");
  EXPECT_THAT(axis_names(grid), ElementsAre("d", "seed"));
  EXPECT_EQ(grid.cell(0).seed, 7);
  EXPECT_EQ(grid.cell(1).seed, 3);
  EXPECT_EQ(grid.cell(1).settings.integer("d"), 4);
  EXPECT_EQ(grid.cell(2).settings.integer("d"), 8);
}

TEST(Grid, AxesFollowTheSchemaWhateverTheOrderOfLines) {
  const Grid grid = recall("learning_rate = [0.1, 0.2]\nkappa = [2, 4]\nd = [4]\nvariant = [\"s4d\", \"mamba\"]", "");
  EXPECT_THAT(axis_names(grid), ElementsAre("variant", "d", "kappa", "learning_rate", "seed"));
  EXPECT_EQ(grid.axes()[0].values[0][0], Value{std::string("s4d")});  // values keep the order of the file
}

TEST(Grid, AnyKeyOfTaskModelAndTrainIsAnAxis) {
  const Grid grid = recall(
      "gate = [true, false]\nnorm = [\"none\", \"rms\"]\nT = [32, 64]\nsteps = [10, 1e2]\nlearning_rate = [1, 0.5]");
  EXPECT_EQ(grid.size(), 32u);
  const Settings last = grid.cell(31).settings;
  EXPECT_FALSE(last.boolean("gate"));
  EXPECT_EQ(last.word("norm"), "rms");
  EXPECT_EQ(last.word("final_norm"), "rms");  // a default that follows another word
  EXPECT_EQ(last.integer("steps"), 100);
  EXPECT_EQ(grid.cell(0).settings.real("learning_rate"), 1.0);
}

TEST(Grid, OneExpressionIsNoDimension) {
  const Grid grid = recall("kappa = [4, 8]\nd = [4, 8]\nN = [\"2 * ceil(log2(kappa))\"]", "");
  EXPECT_THAT(axis_names(grid), ElementsAre("d", "kappa", "seed"));
  EXPECT_EQ(grid.expression("N"), "2*ceil(log2(kappa))");
  EXPECT_EQ(grid.expression("d"), "");
  for (std::uint64_t i = 0; i < grid.size(); ++i) {
    const Settings s = grid.cell(i).settings;
    EXPECT_EQ(s.integer("N"), s.integer("kappa") == 4 ? 4 : 6);
    EXPECT_TRUE(s.given("N"));
  }
  EXPECT_THAT(grid.varies_with("N"), ElementsAre(1));
  EXPECT_THAT(grid.varies_with("d"), ElementsAre(0));
  EXPECT_THAT(grid.varies_with("vocab"), ElementsAre(1));  // its default is 1+kappa+nu
  EXPECT_THAT(grid.varies_with("T"), IsEmpty());
}

TEST(Grid, SeveralExpressionsAreADimensionOfTexts) {
  const Grid grid = recall("kappa = [4, 8]\nN = [\"kappa\", \"kappa/2\", 3]");
  const Axis& axis = grid.axes()[0];
  EXPECT_EQ(axis.name, "N");
  EXPECT_TRUE(axis.expressions);
  EXPECT_EQ(axis.values[2][0], Value{std::string("3")});
  const auto at = [&](const std::string& cell) { return grid.cell(grid.find(cell)).settings.integer("N"); };
  EXPECT_EQ(at("N=kappa,kappa=8"), 8);
  EXPECT_EQ(at("N=kappa/2,kappa=8"), 4);
  EXPECT_EQ(at("N=3,kappa=8"), 3);
  EXPECT_THAT(grid.varies_with("N"), ElementsAre(0, 1));
}

TEST(Grid, WordsMayStandBetweenExpressions) {
  const Grid grid = recall("kappa = [4, 8]\ndelta_rank = [\"auto\", \"2*kappa\", 5]");
  EXPECT_EQ(grid.cell(grid.find("delta_rank=auto,kappa=8")).settings.word("delta_rank"), "auto");
  EXPECT_EQ(grid.cell(grid.find("delta_rank=2*kappa,kappa=8")).settings.integer("delta_rank"), 16);
  EXPECT_EQ(grid.cell(grid.find("delta_rank=5,kappa=8")).settings.integer("delta_rank"), 5);
  EXPECT_EQ(grid.cell(grid.find("delta_rank=auto,kappa=4")).settings.word("delta_rank"), "auto");
}

TEST(Grid, SettingsFollowOthersInTheirSectionsToo) {
  const Grid grid =
      recall("kappa = [4, 8]", "d = \"2*N\"\nN = \"kappa\"", "T = \"8*kappa\"", "[train]\nsteps = \"100*T\"");
  const Settings s = grid.cell(grid.find("kappa=8")).settings;
  EXPECT_EQ(s.integer("d"), 16);
  EXPECT_EQ(s.integer("T"), 64);
  EXPECT_EQ(s.integer("steps"), 6400);
  EXPECT_EQ(s.integer("every"), 214);  // the default follows: ceil(6400/30)
}

TEST(Grid, WhatTheTaskFillsIsSeenByExpressions) {
  const Grid grid = recall("vocab = [16, 32]\nN = [\"kappa\"]");
  for (const int vocab : {16, 32}) {
    const Settings s = grid.cell(grid.find("vocab=" + std::to_string(vocab))).settings;
    EXPECT_EQ(s.integer("kappa"), vocab / 2 - 1);
    EXPECT_EQ(s.integer("nu"), vocab / 2);
    EXPECT_EQ(s.integer("N"), vocab / 2 - 1);
    EXPECT_FALSE(s.given("kappa"));
  }
  EXPECT_THAT(grid.varies_with("kappa"), ElementsAre(0));
}

TEST(Grid, WhatTheVariantFillsIsSeenByDefaults) {
  const Grid grid = recall("gate = [true, false]\nvariant = [\"mamba\", \"s4d\"]\nkappa = [4, 8]");
  const auto at = [&](const std::string& cell) { return grid.cell(grid.find(cell)).settings; };
  EXPECT_EQ(at("variant=s4d,gate=false,kappa=4").word("norm"), "rms");
  EXPECT_EQ(at("variant=s4d,gate=false,kappa=8").word("final_norm"), "rms");
  EXPECT_EQ(at("variant=s4d,gate=true,kappa=8").word("final_norm"), "none");
  EXPECT_EQ(at("variant=mamba,gate=false,kappa=4").word("norm"), "none");
  EXPECT_THAT(grid.varies_with("norm"), ElementsAre(0, 1));
  const Grid fixed = recall("gate = [true, false]\nkappa = [4, 8]", "d = 4\nvariant = \"s4d\"");
  EXPECT_THAT(fixed.varies_with("final_norm"), ElementsAre(0));
}

TEST(Grid, ZippedListsAreOneDimension) {
  const Grid grid = recall("d = [4, 8, 8]\nN = [1, 2, 4]\nkappa = [2, 4]\nzip = [[\"N\", \"d\"]]", "");
  EXPECT_THAT(axis_names(grid), ElementsAre("d_N", "kappa", "seed"));
  EXPECT_THAT(grid.axes()[0].keys, ElementsAre("d", "N"));
  const Settings s = grid.cell(grid.find("N=4,kappa=2")).settings;
  EXPECT_EQ(s.integer("d"), 8);
  EXPECT_EQ(grid.label(0), "d=4 N=1 kappa=2 seed=0");
  EXPECT_THROW(grid.find("d=8,kappa=2"), SweepError);  // two points have d = 8
}

TEST(Grid, AReducedAxisSaysSo) {
  const Grid grid = recall("learning_rate = { values = [1e-3, 1e-2], reduce = \"max\" }\nN = [2]");
  EXPECT_FALSE(grid.axes()[0].reduce);
  EXPECT_TRUE(grid.axes()[1].reduce);
  EXPECT_EQ(grid.axes()[1].size(), 2u);
}

TEST(Grid, TasksAndVariantsAreAxesWithTheirOwnDefaults) {
  const Grid grid = parsed(
      "[sweep]\nname = \"t\"\n[axes]\ntask = [\"recall\", \"keep\"]\nvariant = [\"mamba\", \"s4d\"]\nmodes = [3, 5]\n"
      "[model]\nd = 4");
  const auto at = [&](const std::string& cell) { return grid.cell(grid.find(cell)).settings; };
  EXPECT_EQ(at("task=recall,variant=mamba,modes=3").integer("T"), 64);
  EXPECT_EQ(at("task=keep,variant=mamba,modes=3").integer("T"), 20);
  EXPECT_EQ(at("task=keep,variant=mamba,modes=3").integer("vocab"), 32);
  EXPECT_EQ(at("task=recall,variant=mamba,modes=5").integer("vocab"), 17);
  EXPECT_EQ(at("task=keep,variant=s4d,modes=5").integer("N"), 10);
  EXPECT_EQ(at("task=keep,variant=mamba,modes=5").integer("N"), 16);
  EXPECT_THAT(axis_names(grid), ElementsAre("variant", "modes", "task", "seed"));
  EXPECT_THAT(grid.varies_with("N"), ElementsAre(0, 1));
  EXPECT_THAT(grid.varies_with("vocab"), ElementsAre(2));
}

TEST(Grid, ImpossibleCellsSayWhyAndTheOthersRun) {
  const Grid grid = recall("kappa = [4, 8]\nN = [\"kappa/8\"]\nT = [33, 64]");
  EXPECT_EQ(grid.infeasible(grid.find("kappa=4,T=64")), "N: kappa/8 is 0.5, no integer");
  EXPECT_EQ(grid.infeasible(grid.find("kappa=8,T=33")), "T: expected an even T, but T = 33");
  EXPECT_EQ(grid.infeasible(grid.find("kappa=8,T=64")), std::nullopt);
}

// Whatever the way that leads to a cell, its settings are the same.
TEST(Grid, CellsDoNotDependOnTheOrderInWhichTheyAreAsked) {
  const Grid grid = parsed(
      "[sweep]\nname = \"t\"\n[axes]\ntask = [\"recall\", \"keep\"]\nvariant = [\"mamba\", \"s4d\"]\n"
      "vocab = [8, 16, \"4*N\"]\nN = [2, 4, \"2*modes\"]\nT = [\"4*N\"]\nd = [\"N\", \"vocab\"]\nlearning_rate = [0.1, "
      "0.2]\n"
      "[model]\nmodes = 3");
  const auto text = [](const Settings& s) {
    std::string all;
    for (std::size_t i = 0; i < s.schema().keys.size(); ++i) {
      const std::string& name = s.schema().keys[i].name;
      all.append(name).append("=").append(to_text(s.at(static_cast<int>(i)))).append(s.given(name) ? "! " : " ");
    }
    return all;
  };
  std::vector<std::string> forward(grid.size()), reasons(grid.size());
  grid.visit([&](std::uint64_t i, const Settings& s, std::int64_t) { forward[i] = text(s); });
  grid.visit_groups([&](std::uint64_t i, const Settings&, const std::string& reason) { reasons[i] = reason; });
  std::vector<std::uint64_t> order(grid.size());
  for (std::uint64_t i = 0; i < grid.size(); ++i) order[i] = i;
  std::mt19937 random(1);
  std::shuffle(order.begin(), order.end(), random);
  for (const auto i : order) {
    EXPECT_EQ(text(grid.cell(i).settings), forward[i]);
    EXPECT_EQ(grid.infeasible(i).value_or(""), reasons[i]);
  }
}

TEST(Grid, AMillionCellsAreVisitedInOrder) {
  std::string numbers = "1";
  for (int i = 2; i <= 100; ++i) numbers += ", " + std::to_string(i);
  const Grid grid =
      parsed("[sweep]\nname = \"t\"\nseeds = 10\n[task]\nname = \"recall\"\n[axes]\nd = [" + numbers + "]\nkappa = [" +
             numbers + "]\nlearning_rate = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n[model]\nN = \"kappa\"");
  ASSERT_EQ(grid.size(), 1'000'000u);
  std::uint64_t next = 0, wrong = 0;
  double sum = 0;
  grid.visit([&](std::uint64_t index, const Settings& s, std::int64_t seed) {
    wrong += index != next++ || seed != static_cast<std::int64_t>(index % 10);
    sum += static_cast<double>(s.integer("d") * s.integer("N"));
  });
  EXPECT_EQ(next, grid.size());
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(sum, 5050.0 * 5050.0 * 100);
}

TEST(Grid, FindsCellsByNameOnlyWhenTheNameIsClear) {
  const Grid grid = recall("kappa = [4, 8]\nlearning_rate = [1e-3, 1e-2]");
  EXPECT_EQ(grid.find("kappa=8,learning_rate=0.01,seed=0"), 3u);
  EXPECT_EQ(grid.find("learning_rate=1e-2 kappa=8"), 3u);  // the only seed need not be named
  const auto message = [&](const char* cell) {
    try {
      grid.find(cell);
    } catch (const SweepError& error) { return std::string(error.what()); }
    return std::string("found");
  };
  EXPECT_EQ(message("4"), "cell \"4\": there is no such cell, expected an index from 0 to 3");
  EXPECT_EQ(message("kappa=8"), "cell \"kappa=8\": learning_rate is open, expected it to be named: one of 0.001, 0.01");
  EXPECT_EQ(message("kappa=5,learning_rate=0.01"),
            "cell \"kappa=5,learning_rate=0.01\": kappa has no value 5 there, expected one of 4, 8");
  EXPECT_EQ(message("kapa=8,kappa=8,learning_rate=0.01"),
            "cell \"kapa=8,kappa=8,learning_rate=0.01\": \"kapa\" is no axis of this sweep, did you mean \"kappa\"?");
  EXPECT_EQ(message("kappa"),
            "cell \"kappa\": found \"kappa\", expected an index or key=value pairs as in variant=mamba,d=13,seed=7");
}

TEST(Grid, ReadsTheLengthsOfEvaluationAndTheSearch) {
  const Grid grid =
      recall("d = [4, 8]\nkappa = [4]", "", "",
             "[eval]\nT = [64, 128]\nevery = 7\n[search]\nmode = \"boundary\"\naxis = \"d\"\nlevel = 0.5");
  EXPECT_THAT(grid.eval_T(), ElementsAre(64, 128));
  EXPECT_THAT(grid.cell(0).eval_T, ElementsAre(64, 128));
  EXPECT_EQ(grid.cell(0).settings.integer("every"), 7);
  EXPECT_EQ(grid.search().mode, "boundary");
  EXPECT_EQ(grid.search().level, 0.5);
  EXPECT_EQ(recall("d = [4]", "").search().mode, "grid");
}

}  // namespace
}  // namespace phasegrid::sweeps
