// Which value of a reduced axis counts: docs/results.md, accuracy_best.
#include "results/best_value.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace phasegrid::results {
namespace {

using sweeps::CellResult;
using sweeps::Status;

struct Seed {
  Status status = Status::done;
  double validation = sweeps::kNaN;
};
Seed done(double validation) { return {Status::done, validation}; }
const Seed kDiverged{Status::diverged}, kFailed{Status::failed}, kPending{Status::pending};

std::optional<std::size_t> choice(const std::vector<std::vector<Seed>>& values) {
  std::vector<std::optional<Validation>> judged;
  for (const auto& seeds : values) {
    std::vector<CellResult> results;
    for (const Seed& seed : seeds) results.emplace_back().status = seed.status, results.back().accuracy_validation = seed.validation;
    std::vector<const CellResult*> pointers;
    for (const CellResult& result : results) pointers.push_back(&result);
    judged.push_back(validation_of(pointers));
  }
  return best_of(judged);
}

TEST(BestValue, HasTheHighestMeanOverItsSeeds) {
  EXPECT_EQ(choice({{done(0.2), done(0.9)}, {done(0.6), done(0.6)}, {done(1), done(0)}}), 1u);
  EXPECT_EQ(choice({{done(0.5)}, {done(0.5)}}), 0u) << "of equals the first listed";
}

TEST(BestValue, CountsASeedWithoutAnAccuracyAsNothingRecalled) {
  EXPECT_EQ(choice({{done(0.9), kDiverged}, {done(0.5), done(0.5)}}), 1u);
  EXPECT_EQ(choice({{done(0.9), kFailed}, {done(0.4), done(0.4)}}), 0u);
}

TEST(BestValue, NeverPrefersASeedThatDivergedToOneWithANegativeR2) {
  EXPECT_EQ(choice({{done(-0.5), kDiverged}, {done(-0.5), done(-0.4)}}), 1u);
  EXPECT_EQ(choice({{done(-3), kDiverged}, {done(-2.5), done(-2.5)}}), 1u);
  EXPECT_EQ(choice({{done(0.1), kDiverged}, {done(-0.4), done(-0.4)}}), 0u) << "half of it works";
}

TEST(BestValue, IsNoCandidateWhileASeedIsPendingOrWhenNoneIsDone) {
  EXPECT_EQ(choice({{done(1), kPending}, {done(0.1), done(0.1)}}), 1u);
  EXPECT_EQ(choice({{kDiverged, kDiverged}, {done(-9), done(-9)}}), 1u);
  EXPECT_EQ(choice({{kDiverged}, {kPending}}), std::nullopt);
}

}  // namespace
}  // namespace phasegrid::results
