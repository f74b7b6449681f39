#include "orchestrator/sample.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "sweeps/error.hpp"

namespace phasegrid::orchestrator {
namespace {

using testing::HasSubstr;

std::string printed(const std::string& task, const std::vector<std::string>& set, int count = 1, bool json = false,
                    std::uint64_t seed = 0) {
  std::ostringstream out;
  EXPECT_EQ(sample(task, set, count, seed, json, out), 0);
  return out.str();
}

std::string refusal(const std::string& task, const std::vector<std::string>& set, int count = 1) {
  try {
    printed(task, set, count);
  } catch (const sweeps::SweepError& error) { return error.what(); }
  return "nothing was refused";
}

TEST(Sample, AlignsTokensAboveTargets) {
  std::istringstream lines(printed("mqar", {"kappa=12", "pairs=2", "T=10"}));
  std::string title, blank, tokens, targets;
  std::getline(lines, title), std::getline(lines, blank), std::getline(lines, tokens), std::getline(lines, targets);
  EXPECT_THAT(title, HasSubstr("mqar  kappa = 12, nu = 12, pairs = 2, vocab = 25, T = 10"));
  EXPECT_EQ(tokens.size(), targets.size());
  for (std::size_t column = 7; column < tokens.size(); ++column) {
    // A target ends in the column where its token ends.
    const auto ends = [&](const std::string& line) {
      return line[column] != ' ' && (column + 1 == line.size() || line[column + 1] == ' ');
    };
    EXPECT_EQ(ends(tokens), ends(targets)) << tokens << '\n' << targets;
  }
  EXPECT_EQ(std::count(targets.begin(), targets.end(), 'v'), 2) << targets;
  EXPECT_EQ(std::count(targets.begin(), targets.end(), '.'), 8) << targets;
}

TEST(Sample, BreaksLongSequencesIntoLinesThatFitAScreen) {
  std::istringstream lines(printed("keep_nth", {"T=100"}));
  std::string line;
  std::getline(lines, line);
  int pairs = 0;
  while (std::getline(lines, line)) {
    EXPECT_LE(line.size(), 110u);
    pairs += line.starts_with("targets");
  }
  EXPECT_GT(pairs, 1);
}

TEST(Sample, WritesJsonLinesThatAgreeWithTheTask) {
  std::istringstream lines(printed("keep_nth", {"T=6", "n=2"}, 50, true));
  std::string line;
  int count = 0;
  for (; std::getline(lines, line); ++count) {
    const auto sequence = nlohmann::json::parse(line);
    ASSERT_EQ(sequence["tokens"].size(), 6u);
    EXPECT_EQ(sequence["targets"], (std::vector<int>{-100, -100, -100, -100, -100, sequence["tokens"][1]}));
  }
  EXPECT_EQ(count, 50);
}

TEST(Sample, RepeatsForTheSameSeedAndChangesWithIt) {
  EXPECT_EQ(printed("mqar", {}, 3, true, 1), printed("mqar", {}, 3, true, 1));
  EXPECT_NE(printed("mqar", {}, 3, true, 1), printed("mqar", {}, 3, true, 2));
  EXPECT_THAT(printed("mqar", {}, 3, true, 1), testing::StartsWith(printed("mqar", {}, 2, true, 1)));
  EXPECT_EQ(printed("mqar", {"T=32", "kappa=4"}), printed("mqar", {"kappa=4", "T=32"}));
}

TEST(Sample, SaysWhatIsWrongAndWhatWasExpected) {
  EXPECT_EQ(refusal("mqarr", {}).substr(0, 45), "sample: unknown task mqarr; did you mean mqar");
  EXPECT_EQ(refusal("mqar", {"kapa=3"}).substr(0, 57), "--set: kapa: unknown key of task mqar; did you mean kappa");
  EXPECT_EQ(refusal("mqar", {"kappa"}), "--set: expected key=value, found kappa");
  EXPECT_EQ(refusal("mqar", {"kappa=2.5"}), "--set: kappa: expected an integer, found 2.5");
  EXPECT_EQ(refusal("mqar", {"kappa=3x"}), "--set: kappa: expected an integer, found 3x");
  EXPECT_EQ(refusal("mqar", {"kappa=nan"}), "--set: kappa: expected an integer, found nan");
  EXPECT_EQ(refusal("mqar", {"kappa=0"}), "--set: kappa: expected a number from 1 to 1048576, found 0");
  EXPECT_EQ(refusal("mqar", {"power_a=-1"}), "--set: power_a: expected a number from 0 to 4, found -1");
  EXPECT_EQ(refusal("mqar", {"distinct_values=yes"}), "--set: distinct_values: expected true or false, found yes");
  EXPECT_EQ(refusal("mqar", {"filler=zeros"}),
            "--set: filler: unknown word zeros; did you mean zero? (there are: zero, random)");
  EXPECT_EQ(refusal("mqar", {"T=8", "T=8"}), "--set: T: given twice");
  EXPECT_THAT(refusal("mqar", {"T=15"}), HasSubstr("sample mqar: T: "));
  EXPECT_EQ(refusal("mqar", {}, 0), "--count: expected at least 1, found 0");
}

}  // namespace
}  // namespace phasegrid::orchestrator
