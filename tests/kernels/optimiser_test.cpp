// One pass over the flat buffer against the textbook formulas.
#include "kernels/optimiser/optimiser.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/kernels/support.hpp"

namespace phasegrid::kernels::test {
namespace {

struct Moments { double w, m, v; };

Moments textbook(Method method, Moments s, double g, double rate, double decay, std::int64_t t) {
  if (method != Method::adamw) g += decay * s.w;
  if (method == Method::sgd) return {s.w - rate * g, 0, 0};
  s.m = 0.9 * s.m + 0.1 * g, s.v = 0.999 * s.v + 0.001 * g * g;
  if (method == Method::adamw) s.w -= rate * decay * s.w;
  const double n = static_cast<double>(t);
  s.w -= rate * (s.m / (1 - std::pow(0.9, n))) / (std::sqrt(s.v / (1 - std::pow(0.999, n))) + 1e-8);
  return s;
}

class OptimiserOnEveryKind : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Cpu, OptimiserOnEveryKind, testing::ValuesIn(kinds()), [](const auto& info) { return name_of(info.param); });

TEST_P(OptimiserOnEveryKind, FollowsTheTextbookForTenSteps) {
  constexpr int n = 64;
  const Segment segments[] = {{0, 32, 1, 1}, {32, 16, 0.5, 0}};   // the last 16 numbers belong to nobody
  for (const Method method : {Method::adamw, Method::adam, Method::sgd})
    for (const double clip : {0.0, 0.5}) {
      Tables<double> tables;
      double *w = tables.array(1, n, true), *g = tables.array(1, n, false), *m = tables.array(1, n, false), *v = tables.array(1, n, false);
      std::vector<Moments> expected(n);
      for (int i = 0; i < n; ++i) expected[i] = {w[i], 0, 0};
      for (std::int64_t t = 1; t <= 10; ++t) {
        Random random(9, 1, static_cast<std::uint64_t>(t));
        double norm = 0;
        for (int i = 0; i < n; ++i) g[i] = random.normal(), norm += g[i] * g[i];
        const double scale = clip > 0 ? std::min(1.0, clip / std::sqrt(norm)) : 1;
        for (const Segment& s : segments)
          for (std::int64_t i = s.offset; i < s.offset + s.length; ++i) expected[i] = textbook(method, expected[i], g[i] * scale, 0.01 * s.rate, 0.1 * s.decay, t);
        operations<double>(GetParam()).update({.method = method, .segments = segments, .count = 2, .w = w, .g = g, .m = m, .v = v, .size = n, .step = t,
                                               .learning_rate = 0.01, .weight_decay = 0.1, .clip = clip});
      }
      for (int i = 0; i < n; ++i) ASSERT_NEAR(w[i], expected[i].w, 1e-12) << i;
    }
}

}  // namespace
}  // namespace phasegrid::kernels::test
