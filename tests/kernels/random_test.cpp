#include "kernels/random.hpp"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <vector>

#include "tests/statistics.hpp"

namespace phasegrid::kernels {
namespace {

using testing_support::kChance;
using testing_support::misfit;
using Words = std::array<std::uint32_t, 4>;

// Lines "philox4x32 10" of Random123's tests/kat_vectors: counter, key, output.
struct Known {
  Words counter;
  std::array<std::uint32_t, 2> key;
  Words output;
};
constexpr Known kKnown[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     {0xa4093822, 0x299f31d0},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

Words philox(Words counter, std::array<std::uint32_t, 2> key) {
  const auto out = r123::Philox4x32{}({{counter[0], counter[1], counter[2], counter[3]}}, {{key[0], key[1]}});
  return {out[0], out[1], out[2], out[3]};
}

TEST(Random, UsesThePhiloxOfItsAuthors) {
  for (const Known& known : kKnown) EXPECT_EQ(philox(known.counter, known.key), known.output);
  Random random(0, 0, 0);
  for (const std::uint32_t word : kKnown[0].output) EXPECT_EQ(random.bits(), word);
}

TEST(Random, PutsKeyStreamIndexAndBlockWhereTheHeaderSays) {
  Random random(0x299f31d0a4093822, 0x85a308d3, 0x0370734413198a2e);
  for (std::uint32_t block = 0; block < 3; ++block) {
    const Words expected = philox({block, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0});
    for (const std::uint32_t word : expected) EXPECT_EQ(random.bits(), word) << "block " << block;
  }
}

TEST(Random, GivesEveryKeyStreamAndIndexItsOwnNumbers) {
  std::set<std::uint64_t> seen;
  const auto add = [&](std::uint64_t key, std::uint32_t stream, std::uint64_t index) {
    Random random(key, stream, index);
    const std::uint64_t high = random.bits();
    seen.insert(high << 32 | random.bits());
  };
  for (std::uint64_t i = 0; i < 1000; ++i)
    add(i, 0, 0), add(i << 32, 1, 0), add(0, i, 1), add(0, 2000, i), add(1, 1, i << 32);
  EXPECT_EQ(seen.size(), 5000u);
}

TEST(Random, DrawsBelowNWithoutBias) {
  for (const std::uint32_t n : {2u, 3u, 7u, 10u, 32u, 1000u}) {
    Random random(1, 1, n);
    std::vector<std::int64_t> counts(n);
    for (int i = 0; i < 200'000; ++i) ++counts[random.below(n)];
    EXPECT_LT(misfit(counts, std::vector<double>(n, 1.0)), kChance) << "n = " << n;
  }
}

// With n = 3 * 2^29 plain multiplication gives every third number twice the weight of the others; rejection must repair
// that.
TEST(Random, DrawsBelowHugeNWithoutBias) {
  constexpr std::uint32_t n = 3u << 29;
  Random random(2, 1, 0);
  std::vector<std::int64_t> counts(3);
  for (int i = 0; i < 300'000; ++i) ++counts[random.below(n) % 3];
  EXPECT_LT(misfit(counts, {1, 1, 1}), kChance);
}

TEST(Random, IsUniformOnTheUnitInterval) {
  Random random(3, 1, 0);
  std::vector<std::int64_t> counts(100);
  for (int i = 0; i < 400'000; ++i) {
    const double u = random.uniform();
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    ++counts[static_cast<int>(u * 100)];
  }
  EXPECT_LT(misfit(counts, std::vector<double>(100, 1.0)), kChance);
}

TEST(Random, UsesAll53BitsOfADouble) {
  Random random(4, 1, 0);
  std::uint64_t ones = 0, zeros = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto bits = static_cast<std::uint64_t>(random.uniform() * 0x1p53);
    ones |= bits, zeros |= ~bits;
  }
  EXPECT_EQ(ones, (1ull << 53) - 1);
  EXPECT_EQ(zeros & ((1ull << 53) - 1), (1ull << 53) - 1);
}

TEST(Random, DrawsStandardNormals) {
  Random random(5, 1, 0);
  constexpr int kClasses = 40;  // of equal probability, by the normal distribution function
  std::vector<std::int64_t> counts(kClasses);
  for (int i = 0; i < 400'000; ++i)
    ++counts[std::min(kClasses - 1, static_cast<int>(kClasses * 0.5 * std::erfc(-random.normal() / std::sqrt(2.0))))];
  EXPECT_LT(misfit(counts, std::vector<double>(kClasses, 1.0)), kChance);
}

TEST(HashText, KeepsItsValuesForEver) {
  EXPECT_NE(hash_text("a", 0), hash_text("a", 1));
  EXPECT_NE(hash_text("ab"), hash_text("ba"));
  EXPECT_EQ(hash_text("task = mqar", 7), 16458599173248507346ull);
}

}  // namespace
}  // namespace phasegrid::kernels
