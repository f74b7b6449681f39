#include <gtest/gtest.h>

#include "tests/sweeps/fake_schema.hpp"

namespace phasegrid::sweeps {
namespace {

TEST(Canonical, IsStableUnderCommentsLayoutOrderAndRepeatedDefaults) {
  const Grid one = parsed(
      "# a question\n[sweep]\nname = \"one\"\nseeds = 2\n[task]\nname = \"recall\"\nnu = 32\n"
      "[axes]\nd = [4, 8]\nkappa = [4, 8]\n[model]\nN = \"2 * kappa\"\n");
  const Grid two = parsed(
      "[model]\nN = \"2*kappa\"   # follows\nnorm = \"none\"\ngate = true\n[axes]\nkappa = [\n  4, 8 ]\nd=[4,8]\n"
      "[train]\nlearning_rate = 0.003\n[task]\nnu = 32\nname = \"recall\"\n[sweep]\nseeds = [0, 1]\nname = \"two\"\n");
  EXPECT_EQ(one.canonical(), two.canonical());
  EXPECT_EQ(one.hash(), two.hash());
  EXPECT_EQ(one.label(5), two.label(5));
  EXPECT_EQ(one.canonical(), "axis d = 4 8\naxis kappa = 4 8\nseeds = 0 1\nN = 2*kappa\nnu = 32\ntask = \"recall\"\n");
  EXPECT_EQ(one.hash(), "e2847c151922e952");
}

TEST(Canonical, ChangesWithEveryThingThatChangesTheMeaning) {
  const std::string base = recall("d = [4, 8]", "").canonical();
  EXPECT_NE(base, recall("d = [8, 4]", "").canonical());
  EXPECT_NE(base, recall("d = [4, 8]", "N = 8").canonical());
  EXPECT_NE(base, recall("d = [4, 8]\nkappa = [8]", "").canonical());
  EXPECT_NE(base, recall("d = { values = [4, 8], reduce = \"max\" }", "").canonical());
  EXPECT_NE(base, recall("d = [4, 8]", "", "", "[eval]\nT = [8]").canonical());
  EXPECT_NE(base, recall("d = [4, 8]", "", "", "[search]\nmode = \"random\"\nn = 1").canonical());
  EXPECT_NE(base, recall("d = [4, 8]", "", "", "[eval]\nevery = 3").canonical());
}

TEST(Canonical, TextOfASectionLeavesOutDefaultsAndWhatIsNotRead) {
  const Grid grid = parsed(
      "[sweep]\nname = \"t\"\n[axes]\nvariant = [\"mamba\", \"s4d\"]\n[task]\nname = \"recall\"\nvocab = 16\nT = 64\n"
      "[model]\nd = 4\nmodes = 8\nfinal_norm = \"none\"\n[train]\nlearning_rate = 1e-2\n");
  const Settings mamba = grid.cell(0).settings, s4d = grid.cell(1).settings;
  EXPECT_EQ(mamba.canonical(Section::task),
            "kappa = 7\nnu = 8\ntask = \"recall\"\n");  // the default vocab is 1 + 7 + 8
  EXPECT_EQ(s4d.canonical(Section::task), mamba.canonical(Section::task));
  EXPECT_EQ(mamba.canonical(Section::model), "d = 4\n");
  EXPECT_EQ(s4d.canonical(Section::model), "d = 4\nmodes = 8\nvariant = \"s4d\"\n");
  EXPECT_EQ(mamba.canonical(Section::train), "learning_rate = 0.01\n");
}

TEST(Canonical, DoesNotTellHowAValueWasSaid) {
  const Settings said = recall("d = [4]", "", "kappa = 7\nnu = 8").cell(0).settings;
  const Settings followed = recall("d = [4]", "", "vocab = 16").cell(0).settings;
  EXPECT_EQ(said.canonical(Section::task), followed.canonical(Section::task));
}

TEST(Value, PrintsInTheShortestFormThatReadsBack) {
  EXPECT_EQ(to_text(0.1), "0.1");
  EXPECT_EQ(to_text(1e-3), "0.001");
  EXPECT_EQ(to_text(1.0 / 3), "0.3333333333333333");
  EXPECT_EQ(to_text(1e300), "1e+300");
  EXPECT_EQ(to_text(Value{std::int64_t{-5}}), "-5");
  EXPECT_EQ(to_text(true), "true");
  EXPECT_EQ(to_text(std::string("a \"b\"\n\\")), "\"a \\\"b\\\"\\n\\\\\"");
}

TEST(Status, SurvivesItsText) {
  for (int i = 0; i <= static_cast<int>(Status::inferred); ++i)
    EXPECT_EQ(status_from_text(to_text(static_cast<Status>(i))), static_cast<Status>(i));
  EXPECT_THROW(status_from_text("finished"), std::invalid_argument);
}

}  // namespace
}  // namespace phasegrid::sweeps
