// Numbers frozen from an independent implementation (Python, math.lgamma and math.erfc).
#include "sweeps/bounds.hpp"

#include <gtest/gtest.h>

namespace phasegrid::sweeps {
namespace {

constexpr double kRounding = 1e-11;  // relative: lgamma and the order of sums differ in the last digits

TEST(Bounds, CountTheCellsThatFunctionsCut) {
  EXPECT_EQ(log2_cells(0, 10), 0);
  EXPECT_NEAR(log2_cells(3, 10), 7.459431618637297, 7.5 * kRounding);
  EXPECT_NEAR(log2_cells(10, 10), 10, 10 * kRounding);
  EXPECT_NEAR(log2_cells(20, 10), 10, 10 * kRounding);
  EXPECT_NEAR(log2_cells(7, 1920), 64.03851204058653, 64 * kRounding);
  EXPECT_NEAR(log2_cells(29, 129024), 389.5347253410357, 390 * kRounding);
}

TEST(Bounds, CountTheBitsOfRecalledValues) {
  EXPECT_EQ(needed_bits(8, 8), 24);
  EXPECT_NEAR(needed_bits(16, 32, 0.1), 64.5693564059525, 65 * kRounding);
  EXPECT_NEAR(needed_bits(16, 32, 0.1, true), 57.98247958843018, 58 * kRounding);
  EXPECT_NEAR(needed_bits(4, 2, 0.01), 3.636827456416355, 4 * kRounding);
}

TEST(Bounds, GiveTheLeastState) {
  EXPECT_EQ(lower_bound_state(8, 8), 4);
  EXPECT_EQ(lower_bound_state(16, 16), 7);
  EXPECT_EQ(lower_bound_state(32, 32), 15);
  EXPECT_EQ(lower_bound_state(64, 64), 29);
  EXPECT_EQ(lower_bound_state(32, 128), 15);
  EXPECT_EQ(lower_bound_state(16, 16, 0.1), 6);
  EXPECT_EQ(lower_bound_state(32, 64, 0.05), 13);
  EXPECT_EQ(lower_bound_state(8, 8, 0, true), 3);
  EXPECT_EQ(lower_bound_state(16, 32, 0, true), 7);
  EXPECT_EQ(lower_bound_state(16, 16, 0.1, true), 4);
  EXPECT_EQ(lower_bound_state(1, 2), 1);
  EXPECT_EQ(lower_bound_state(4, 4), 2);
}

TEST(Bounds, GiveTheErrorThatTooLittleStateMustMake) {
  EXPECT_NEAR(least_error(2, 16, 16), 0.4377641637683503, 1e-9);
  EXPECT_NEAR(least_error(6, 16, 16), 0.05269114875863176, 1e-9);
  EXPECT_NEAR(least_error(2, 16, 16, true), 0.19350102018340826, 1e-9);
  EXPECT_NEAR(least_error(1, 8, 64), 0.5451858001288169, 1e-9);
  for (const std::int64_t q : {1, 2, 4, 6}) {
    EXPECT_GT(least_error(q, 16, 16), least_error(q + 1, 16, 16)) << q;
    EXPECT_LE(lower_bound_state(16, 16, least_error(q, 16, 16) + 1e-6), q) << "this error is possible";
    EXPECT_GT(lower_bound_state(16, 16, least_error(q, 16, 16) - 1e-6), q) << "and less is not";
  }
  EXPECT_EQ(least_error(lower_bound_state(16, 16), 16, 16), 0);
}

TEST(Bounds, EstimateTheErrorOfRandomCodes) {
  EXPECT_NEAR(jl_error(8, 64, 16, 32), 0.013215043628784425, kRounding);
  EXPECT_NEAR(jl_error(16, 16, 27, 34), 0.009898606242302798, kRounding);
  EXPECT_NEAR(jl_error(1, 4, 3, 5), 0.03802097801620241, kRounding);
  EXPECT_NEAR(jl_error(2, 4, 3, 5), 0.16871627677894924, kRounding);
  EXPECT_EQ(jl_coherence_dim(32, 0.5, 0.01), 93);
  EXPECT_EQ(jl_coherence_dim(64, 0.2, 0.1), 531);
  EXPECT_EQ(jl_least_mv(8, 64, 16, 0.01), 36);
  EXPECT_EQ(jl_least_mv(16, 16, 27, 0.01), 34);
  EXPECT_EQ(jl_least_mv(16, 16, 2, 0.01), std::nullopt);
}

TEST(Bounds, SizeRandomCodes) {
  const auto sizes = [](std::int64_t kappa, std::int64_t n, std::int64_t nu) {
    const auto found = jl_sizes(kappa, n, nu, 0.01);
    return found ? std::pair(found->mk, found->mk + found->mv) : std::pair<std::int64_t, std::int64_t>(0, 0);
  };
  EXPECT_EQ(sizes(16, 16, 16), (std::pair<std::int64_t, std::int64_t>(27, 61)));
  EXPECT_EQ(sizes(32, 32, 32), (std::pair<std::int64_t, std::int64_t>(36, 82)));
  EXPECT_EQ(sizes(64, 64, 64), (std::pair<std::int64_t, std::int64_t>(50, 111)));
  EXPECT_EQ(sizes(32, 8, 64), (std::pair<std::int64_t, std::int64_t>(19, 48)));
}

TEST(Bounds, RoundLogarithmsUp) {
  EXPECT_EQ(bits_for(1), 1);
  EXPECT_EQ(bits_for(2), 1);
  EXPECT_EQ(bits_for(3), 2);
  EXPECT_EQ(bits_for(32), 5);
  EXPECT_EQ(bits_for(33), 6);
}

}  // namespace
}  // namespace phasegrid::sweeps
