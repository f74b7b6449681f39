#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/tasks/support.hpp"

namespace phasegrid::tasks {
namespace {

struct Sizes {
  int functions, points;
  bool reversed, query_first, bijective;
};

std::unique_ptr<Task> make(const Sizes& s) {
  return make_task("function_composition", {{"functions", double(s.functions)},
                                            {"points", double(s.points)},
                                            {"bijective", double(s.bijective)},
                                            {"order", s.reversed ? "reversed" : "forward"},
                                            {"query", s.query_first ? "first" : "last"}});
}

// Reads tables and question as they come, by the kind of each token, and applies the functions by their titles.
std::int32_t solve(std::span<const std::int32_t> u, const Sizes& s) {
  const int m = s.points;
  std::map<int, std::map<int, int>> tables;
  int title = -1, x0 = -1;
  for (std::size_t t = 0; t < u.size(); ++t) {
    if (u[t] == 2 * m + s.functions) x0 = u[++t];
    else if (u[t] >= 2 * m) title = u[t] - 2 * m;
    else tables[title][u[t]] = u[t + 1] - m, ++t;
  }
  for (auto& [i, table] : tables) x0 = table.at(x0);  // maps are in the order of their titles
  return x0 + m;
}

Sizes random_sizes(kernels::Random& random) {
  return {int(1 + random.below(5)), int(1 + random.below(8)), bool(random.below(2)), bool(random.below(2)),
          bool(random.below(2))};
}

TEST(FunctionComposition, ASolverThatReadsTheTablesAgrees) {
  kernels::Random random(1, 0, 0);
  for (int trial = 0; trial < 3000; ++trial) {
    const Sizes s = random_sizes(random);
    const Batch batch = draw(*make(s), 1, trial);
    std::vector<std::int32_t> expected(batch.T, kUnscored);
    expected[batch.T - 1] = solve(tokens_of(batch, 0), s);
    ASSERT_EQ(targets_of(batch, 0), expected);
  }
}

TEST(FunctionComposition, EveryTableListsEveryPointOnceInTheOrderAskedFor) {
  kernels::Random random(2, 0, 0);
  for (int trial = 0; trial < 1000; ++trial) {
    const Sizes s = random_sizes(random);
    const Batch batch = draw(*make(s), 1, trial);
    const auto u = tokens_of(batch, 0);
    const int begin = s.query_first ? 2 : 0, width = 2 * s.points + 1;
    ASSERT_EQ(u[s.query_first ? 0 : batch.T - 2], 2 * s.points + s.functions);
    for (int place = 0; place < s.functions; ++place) {
      const auto table = u.subspan(begin + place * width, width);
      ASSERT_EQ(table[0], 2 * s.points + (s.reversed ? s.functions - 1 - place : place));
      std::set<int> inputs, outputs;
      for (int i = 0; i < s.points; ++i) inputs.insert(table[1 + 2 * i]), outputs.insert(table[2 + 2 * i]);
      ASSERT_EQ(int(inputs.size()), s.points);
      if (s.bijective) { ASSERT_EQ(int(outputs.size()), s.points); }
    }
  }
}

TEST(FunctionComposition, SaysWhyACellIsImpossible) {
  EXPECT_EQ(misfit_of("function_composition", {{"functions", 2.0}, {"points", 4.0}, {"T", 21.0}}),
            "T: tables and question take T = functions * (2 * points + 1) + 2 = 20, but T = 21 (leave T out)");
}

}  // namespace
}  // namespace phasegrid::tasks
