// The theorems hold as the program runs them, in both precisions, and fail one step below.
#include "worker/verification/verify.hpp"

#include <gtest/gtest.h>

#include <map>

#include "worker/models/constructions/constructions.hpp"

namespace phasegrid::worker {
namespace {

struct Request {
  std::int64_t kappa, nu, T;
  std::uint64_t seed;
};
class Theorems : public testing::TestWithParam<Request> {};

TEST_P(Theorems, HoldInBothPrecisionsAndFailOneStepBelow) {
  const Request& r = GetParam();
  const auto lines =
      verify({.kappa = r.kappa, .nu = r.nu, .T = r.T, .seed = r.seed, .examples = 60}, {cpu_kinds().back()});
  std::map<std::string, int> seen;
  for (const Verified& line : lines) {
    ++seen[line.construction];
    EXPECT_GE(line.accuracy, line.least) << line.construction << " " << line.variant << " in float";
    EXPECT_GE(line.accuracy_double, line.least) << line.construction << " " << line.variant << " in double";
    EXPECT_EQ(line.least, line.construction == "C2c" ? 0.99 : 1);
    ASSERT_FALSE(line.below.empty()) << line.construction;
    for (const Below& below : line.below)
      EXPECT_LT(below.accuracy, line.least) << line.construction << " " << line.variant << ": " << below.what;
  }
  for (const std::string& name : construction_names())
    if (name != "auto") {
      EXPECT_TRUE(seen.contains(name)) << name << " is not verified";
    }
  }

INSTANTIATE_TEST_SUITE_P(Sizes, Theorems,
                         testing::Values(Request{8, 16, 64, 0}, Request{5, 3, 44, 1}, Request{13, 40, 99, 2},
                                         Request{2, 2, 9, 3}),
                         [](const auto& info) {
                           return "kappa" + std::to_string(info.param.kappa) + "nu" + std::to_string(info.param.nu) +
                                  "T" + std::to_string(info.param.T);
                         });

TEST(Theorems, SayWhereTheyAreRunOnSmallerSizesThanAskedFor) {
  EXPECT_TRUE(verify_limits({}).empty());
  const auto limits = verify_limits({.task = "mqar", .kappa = 64, .T = 17});
  ASSERT_EQ(limits.size(), 2u);
  EXPECT_EQ(limits[0], "mqar: T = 16: queries stand at even distances");
  EXPECT_EQ(limits[1], "mqar: pairs = 4 of kappa = 64 keys: T = 16 has no room for more, --T 256 has");
  EXPECT_EQ(verify_limits({.T = 2048}).size(), 3u) << "C7b, C8, H1 and H2";
}

TEST(Theorems, AreVerifiedForTheTaskAndVariantThatAreAskedFor) {
  const auto lines = verify({.task = "keep_nth", .variant = "mamba", .examples = 10}, {cpu_kinds().back()});
  ASSERT_FALSE(lines.empty());
  for (const Verified& line : lines) EXPECT_EQ(line.construction, "C5");
  EXPECT_TRUE(verify({.task = "k_hop"}, {cpu_kinds().back()}).empty());
}

}  // namespace
}  // namespace phasegrid::worker
