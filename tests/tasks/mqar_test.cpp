// MQAR against Zoology's generator: a solver that searches, and the law of every part of a sequence.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "tests/statistics.hpp"
#include "tests/tasks/support.hpp"

namespace phasegrid::tasks {
namespace {

using testing_support::kChance;
using testing_support::misfit;

struct Sizes {
  int kappa, nu, pairs, T;
  bool is_key(int token) const { return 1 <= token && token <= kappa; }
  bool is_value(int token) const { return kappa < token && token <= kappa + nu; }
};

std::unique_ptr<Task> make(const Sizes& s, const std::string& filler, bool distinct = true, double power_a = 0.01) {
  return make_task("mqar", {{"kappa", double(s.kappa)},
                            {"nu", double(s.nu)},
                            {"pairs", double(s.pairs)},
                            {"T", double(s.T)},
                            {"filler", filler},
                            {"distinct_values", double(distinct)},
                            {"power_a", power_a}});
}

// The value behind the first or the last occurrence of the key u_t that has a value behind it; kUnscored if there is
// none.
std::int32_t recall(std::span<const std::int32_t> u, int t, const Sizes& s, bool last) {
  std::int32_t found = kUnscored;
  for (int j = 0; j < t; ++j) {
    if (u[j] == u[t] && s.is_value(u[j + 1]) && j + 1 < t && (last || found == kUnscored)) found = u[j + 1];
  }
  return found;
}

Sizes random_sizes(kernels::Random& random, bool distinct) {
  Sizes s;
  s.pairs = 1 + random.below(12);
  s.kappa = s.pairs + random.below(10);
  s.nu = (distinct ? s.pairs : 1) + random.below(10);
  s.T = 4 * s.pairs + 2 * random.below(20);
  return s;
}

TEST(Mqar, WithZeroFillerEverySequenceIsWhatASearchingSolverSays) {
  kernels::Random random(1, 0, 0);
  for (int trial = 0; trial < 2000; ++trial) {
    const bool distinct = random.below(2);
    const Sizes s = random_sizes(random, distinct);
    const Batch batch = draw(*make(s, "zero", distinct), 2, trial);
    for (int b = 0; b < 2; ++b) {
      const auto u = tokens_of(batch, b);
      std::vector<std::int32_t> expected(s.T, kUnscored);
      for (int t = 2 * s.pairs; t < s.T; ++t) {
        if (u[t] != 0) expected[t] = recall(u, t, s, true);
      }
      ASSERT_EQ(targets_of(batch, b), expected);
    }
  }
}

TEST(Mqar, WithRandomFillerTheFirstPairOfAKeyIsStillTheTruth) {
  kernels::Random random(2, 0, 0);
  for (int trial = 0; trial < 2000; ++trial) {
    const Sizes s = random_sizes(random, true);
    const Batch batch = draw(*make(s, "random"), 2, trial);
    for (int b = 0; b < 2; ++b) {
      for (int i = batch.first[b]; i < batch.first[b + 1]; ++i) {
        ASSERT_EQ(recall(tokens_of(batch, b), batch.position[i], s, false), batch.label[i]);
      }
    }
  }
}

TEST(Mqar, OverwrittenKeysAreAskedForTheirLastValue) {
  kernels::Random random(4, 0, 0);
  for (int trial = 0; trial < 2000; ++trial) {
    Sizes s = random_sizes(random, true);
    const int overwrites = random.below(s.pairs + 1), stored = s.pairs + overwrites;
    s.nu += overwrites, s.T += 2 * overwrites;
    const bool zero = random.below(2);
    const auto task = make_task("mqar", {{"kappa", double(s.kappa)},
                                         {"nu", double(s.nu)},
                                         {"pairs", double(s.pairs)},
                                         {"T", double(s.T)},
                                         {"overwrites", double(overwrites)},
                                         {"filler", zero ? "zero" : "random"}});
    const Batch batch = draw(*task, 1, trial);
    const auto u = tokens_of(batch, 0);
    std::map<int, int> times;
    std::set<int> values;
    for (int i = 0; i < stored; ++i) ++times[u[2 * i]], values.insert(u[2 * i + 1]);
    ASSERT_EQ(int(values.size()), stored) << "a fresh value for every pair";
    ASSERT_EQ(int(times.size()), s.pairs);
    for (const auto& [key, count] : times) ASSERT_TRUE(s.is_key(key) && count <= 2);
    ASSERT_EQ(int(batch.position.size()), s.pairs);
    for (int i = 0; i < s.pairs; ++i) {
      const int t = batch.position[i];
      ASSERT_GE(t, 2 * stored);
      int last = kUnscored;
      for (int pair = 0; pair < stored; ++pair) last = u[2 * pair] == u[t] ? u[2 * pair + 1] : last;
      ASSERT_EQ(batch.label[i], last);
    }
  }
}

TEST(Mqar, BeginsWithDistinctKeysAndTheirValuesAndAsksForEachOnce) {
  kernels::Random random(3, 0, 0);
  for (int trial = 0; trial < 2000; ++trial) {
    const bool distinct = random.below(2);
    const Sizes s = random_sizes(random, distinct);
    const Batch batch = draw(*make(s, random.below(2) ? "zero" : "random", distinct), 1, trial);
    const auto u = tokens_of(batch, 0);
    std::set<int> keys, values, asked;
    for (int i = 0; i < s.pairs; ++i) {
      ASSERT_TRUE(s.is_key(u[2 * i]) && s.is_value(u[2 * i + 1]));
      keys.insert(u[2 * i]), values.insert(u[2 * i + 1]);
    }
    EXPECT_EQ(int(keys.size()), s.pairs);
    if (distinct) { EXPECT_EQ(int(values.size()), s.pairs); }
    ASSERT_EQ(int(batch.position.size()), s.pairs);
    for (const int t : batch.position) {
      EXPECT_GE(t, 2 * s.pairs);
      EXPECT_EQ(t % 2, 0) << "queries stand on odd positions, counted from 1";
      asked.insert(u[t]);
    }
    EXPECT_EQ(asked, keys);
  }
}

// The offsets (t - 2n) / 2 at which the keys of the first, second ... pair come back.
std::vector<int> offsets_of(const Batch& batch, int b, const Sizes& s) {
  const auto u = tokens_of(batch, b);
  std::vector<int> offsets(s.pairs);
  for (int i = batch.first[b]; i < batch.first[b + 1]; ++i) {
    const int t = batch.position[i];
    for (int pair = 0; pair < s.pairs; ++pair) {
      if (u[2 * pair] == u[t]) offsets[pair] = (t - 2 * s.pairs) / 2;
    }
  }
  return offsets;
}

TEST(Mqar, DrawsQueryOffsetsFromZoologysPowerLawOneAfterTheOther) {
  const Sizes s{6, 6, 4, 64};
  const int places = (s.T - 2 * s.pairs) / 2;
  for (const double a : {0.01, 0.5, 1.0}) {
    std::vector<double> law(places);
    for (int g = 0; g < places; ++g) law[g] = std::pow(g + 1, a - 1);
    const Batch batch = draw(*make(s, "zero", true, a), 60'000);
    std::vector<std::int64_t> first(places), second_after_0(places);
    for (int b = 0; b < batch.sequences; ++b) {
      const auto offsets = offsets_of(batch, b, s);
      ++first[offsets[0]];
      if (offsets[0] == 0) ++second_after_0[offsets[1]];
    }
    EXPECT_LT(misfit(first, law), kChance) << "first offset, a = " << a;
    law[0] = 0;
    EXPECT_EQ(second_after_0[0], 0);
    EXPECT_LT(misfit(second_after_0, law), kChance) << "second offset after 0 was taken, a = " << a;
  }
}

// numpy's choice(replace=False, p) draws in rounds and drops repetitions; here one at a time, which is the same law.
TEST(Mqar, PutsQueriesWhereDrawingUntilDistinctPutsThem) {
  const Sizes s{8, 8, 8, 64};
  const int places = (s.T - 2 * s.pairs) / 2, sequences = 40'000;
  std::vector<double> cumulative(places);
  for (int g = 0; g < places; ++g) cumulative[g] = (g ? cumulative[g - 1] : 0) + std::pow(g + 1, -0.99);
  std::vector<std::int64_t> ours(places), reference(places);
  const Batch batch = draw(*make(s, "zero"), sequences);
  for (const int t : batch.position) ++ours[(t - 2 * s.pairs) / 2];
  kernels::Random random(9, 0, 0);
  for (int i = 0; i < sequences; ++i) {
    std::set<int> taken;
    while (int(taken.size()) < s.pairs) {
      const double u = random.uniform(0, cumulative.back());
      taken.insert(
          std::min(places - 1, int(std::upper_bound(cumulative.begin(), cumulative.end(), u) - cumulative.begin())));
    }
    for (const int g : taken) ++reference[g];
  }
  double chi_square = 0;  // of two samples of the same size
  for (int g = 0; g < places; ++g) chi_square += std::pow(ours[g] - reference[g], 2) / (ours[g] + reference[g]);
  EXPECT_LT(testing_support::normal_score(chi_square, places - 1), kChance);
}

TEST(Mqar, DrawsKeysAndDistinctValuesWithoutReplacementAndUniformly) {
  const Sizes s{4, 5, 2, 8};
  const Batch batch = draw(*make(s, "zero"), 60'000);
  std::vector<std::int64_t> keys(16), values(25);
  for (int b = 0; b < batch.sequences; ++b) {
    const auto u = tokens_of(batch, b);
    ++keys[(u[0] - 1) * 4 + u[2] - 1];
    ++values[(u[1] - 5) * 5 + u[3] - 5];
  }
  const auto off_diagonal = [](int n) {
    std::vector<double> law(n * n, 1.0);
    for (int i = 0; i < n; ++i) law[i * n + i] = 0;
    return law;
  };
  for (int i = 0; i < 4; ++i) EXPECT_EQ(keys[i * 5], 0);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(values[i * 6], 0);
  EXPECT_LT(misfit(keys, off_diagonal(4)), kChance);
  EXPECT_LT(misfit(values, off_diagonal(5)), kChance);
}

TEST(Mqar, DrawsRepeatableValuesIndependently) {
  const Sizes s{4, 5, 2, 8};
  const Batch batch = draw(*make(s, "zero", false), 60'000);
  std::vector<std::int64_t> values(25);
  for (int b = 0; b < batch.sequences; ++b) ++values[(tokens_of(batch, b)[1] - 5) * 5 + tokens_of(batch, b)[3] - 5];
  EXPECT_LT(misfit(values, std::vector<double>(25, 1.0)), kChance);
}

TEST(Mqar, FillsWithZerosOrUniformlyFromTheWholeVocabulary) {
  const Sizes s{4, 5, 2, 16};
  for (const std::string filler : {"zero", "random"}) {
    const Batch batch = draw(*make(s, filler), 10'000);
    std::vector<std::int64_t> counts(10);
    for (int b = 0; b < batch.sequences; ++b) {
      const auto targets = targets_of(batch, b);
      for (int t = 2 * s.pairs; t < s.T; ++t) counts[tokens_of(batch, b)[t]] += targets[t] == kUnscored;
    }
    if (filler == "zero") EXPECT_EQ(counts[0], 10'000 * (16 - 4 - 2));
    else EXPECT_LT(misfit(counts, std::vector<double>(10, 1.0)), kChance);
  }
}

// The share of queries before which filler has put a value, or a wrong value, behind the queried key.
TEST(Mqar, RandomFillerMisleadsRecencyAsOftenAsTheFileHeadSays) {
  const Sizes s{16, 16, 8, 64};
  const Batch batch = draw(*make(s, "random"), 40'000);
  double accidents = 0, misled = 0;
  for (int b = 0; b < batch.sequences; ++b) {
    const auto u = tokens_of(batch, b);
    for (int i = batch.first[b]; i < batch.first[b + 1]; ++i) {
      const int t = batch.position[i];
      bool accident = false;
      for (int j = 2 * s.pairs; j + 1 < t; ++j) accident |= u[j] == u[t] && s.is_value(u[j + 1]);
      accidents += accident;
      misled += recall(u, t, s, true) != batch.label[i];
    }
  }
  EXPECT_NEAR(accidents / batch.position.size(), 0.101, 0.002);
  EXPECT_NEAR(misled / batch.position.size(), 0.095, 0.002);
  EXPECT_EQ(make(s, "random")->ceiling(), 1.0);
}

TEST(Mqar, ReadsAVocabularyGivenAloneAsZoologysLayout) {
  const Options options = options_of("mqar", {{"vocab", 8192.0}, {"pairs", 4.0}});
  EXPECT_EQ(options.integer("kappa"), 4095);
  EXPECT_EQ(options.integer("nu"), 4096);
  const Options odd = options_of("mqar", {{"vocab", 17.0}});
  EXPECT_EQ(odd.integer("kappa"), 7);
  EXPECT_EQ(odd.integer("nu"), 9);
  EXPECT_EQ(odd.integer("pairs"), 7);
  const Options both = options_of("mqar", {{"vocab", 100.0}, {"kappa", 3.0}});
  EXPECT_EQ(both.integer("nu"), 3);
  EXPECT_EQ(both.integer("vocab"), 100);
}

TEST(Mqar, SaysWhyACellIsImpossible) {
  const auto why = [](std::vector<Setting> settings) { return misfit_of("mqar", settings); };
  EXPECT_EQ(why({{"kappa", 4.0}, {"T", 16.0}}), "");
  EXPECT_EQ(
      why({{"kappa", 4.0}, {"T", 14.0}}),
      "T: every pair is asked for once, 4 * pairs + 2 * overwrites <= T, but pairs = 4 and T = 14 and overwrites = 0");
  EXPECT_EQ(why({{"kappa", 2.0}, {"T", 15.0}}),
            "T: pairs and queries take two places each, T must be even, but T = 15");
  EXPECT_EQ(why({{"kappa", 2.0}, {"pairs", 3.0}}),
            "pairs: keys are drawn without replacement, pairs <= kappa, but pairs = 3 and kappa = 2");
  EXPECT_EQ(
      why({{"kappa", 4.0}, {"nu", 2.0}}),
      "pairs: distinct values are drawn without replacement, pairs + overwrites <= nu, but pairs = 4 and nu = 2 and "
      "overwrites = 0 (or set distinct_values = false)");
  EXPECT_EQ(why({{"kappa", 4.0}, {"nu", 2.0}, {"distinct_values", 0.0}}), "");
  EXPECT_EQ(
      why({{"kappa", 4.0}, {"nu", 4.0}, {"vocab", 8.0}}),
      "vocab: filler, keys and values must fit in, 1 + kappa + nu <= vocab, but kappa = 4 and nu = 4 and vocab = 8");
}

}  // namespace
}  // namespace phasegrid::tasks
