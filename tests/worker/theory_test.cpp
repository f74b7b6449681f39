// What theory says about cells of real tasks: the table of sweeps/thresholds.cpp, read through the real schema.
#include <gtest/gtest.h>

#include <map>

#include "sweeps/bounds.hpp"
#include "sweeps/grid.hpp"
#include "sweeps/thresholds.hpp"
#include "worker/schema.hpp"

namespace phasegrid::worker {
namespace {

std::map<std::string, double> lines(const std::string& task, const std::string& model) {
  const std::string text =
      "[sweep]\nname = \"x\"\n[task]\n" + task + "\n[axes]\nd = [8]\n[model]\nN = 8\n" + model + "\n";
  const auto grid = sweeps::Grid::parse(text, "x.toml", make_schema());
  std::map<std::string, double> found;
  for (const auto& line : sweeps::thresholds(grid.cell(0).settings))
    found[line.name + " " + line.quantity] = line.value;
  return found;
}

const std::string kMamba = "variant = \"mamba\"";

TEST(Theory, SpeaksOfCleanMqarAndKeepsOnlyLowerBoundsUnderNoise) {
  const auto clean = lines("name = \"mqar\"\nkappa = 8\nnu = 16", kMamba);
  EXPECT_EQ(clean.at("s6_mqar_exact d"), 8 + 4);
  const auto noisy = lines("name = \"mqar\"\nkappa = 8\nnu = 16\ntoken_noise = 0.1", kMamba);
  EXPECT_FALSE(noisy.contains("s6_mqar_exact d"));
  EXPECT_EQ(noisy.at("mqar_counting state"), clean.at("mqar_counting state"));
  EXPECT_EQ(lines("name = \"mqar\"\nkappa = 8\nnu = 16\nembedding_noise = 0.1", kMamba), noisy);
}

TEST(Theory, CountsTheValuesOfPointerValueRetrieval) {
  const std::string onehot = kMamba + "\npositional = \"onehot\"",
                    task = "name = \"pointer_value_retrieval\"\nT = 12\nnu = 10";
  EXPECT_EQ(lines(task, onehot).at("s6_pvr_exact d"), 11 + 4);
  EXPECT_FALSE(lines(task + "\npointer = \"first\"", onehot).contains("s6_pvr_exact d"));
  EXPECT_TRUE(lines(task + "\nwindow = 2", onehot).empty()) << "no theorem speaks of windows";
}

TEST(Theory, AsksForNoMoreStateThanAnInductionTaskCanQuestion) {
  const auto state = [&](const std::string& options) {
    return lines("name = \"induction_heads\"\nvocab = 64\n" + options, kMamba).at("induction_counting state");
  };
  EXPECT_LT(state("T = 16"), state("T = 256")) << "a short context holds few pairs";
  EXPECT_LT(state("T = 256\nform = \"hard\""), state("T = 16")) << "one follower is all that must be kept";
}

// The mean error of n questions is at least that of the values which the question's convolution does not reach.
TEST(Theory, HoldsTrainedCellsAgainstWhatTheConvolutionCannotShow) {
  const auto error = [](const std::string& task, const std::string& model) {
    const std::string text =
        "[sweep]\nname = \"x\"\n[task]\n" + task + "\n[axes]\nd = [1]\n[model]\nN = 2\nvariant = \"mamba\"\n" + model + "\n";
    const auto grid = sweeps::Grid::parse(text, "x.toml", make_schema());
    return sweeps::least_error(grid.cell(0).settings, 2);
  };
  const std::string mqar = "name = \"mqar\"\nkappa = 16\nnu = 16\nT = 64\ndistinct_values = false",
                    pointer = "name = \"pointer_value_retrieval\"\nT = 17\nnu = 16";
  EXPECT_NEAR(*error(mqar, "conv = 0"), sweeps::least_error(2, 16, 16), 1e-9);
  EXPECT_NEAR(*error(mqar, "conv = 2"), sweeps::least_error(2, 15, 16) * 15 / 16, 1e-9);
  EXPECT_NEAR(*error(mqar, "conv = 4"), sweeps::least_error(2, 14, 16) * 14 / 16, 1e-9);
  EXPECT_NEAR(*error(pointer, "conv = 4"), sweeps::least_error(2, 13, 16) * 13 / 16, 1e-9);
  EXPECT_FALSE(error("name = \"induction_heads\"\nvocab = 64\nT = 64", "")) << "few of its pairs are asked for";
}

}  // namespace
}  // namespace phasegrid::worker
