// The rates of docs/theory.md, 4.3 and 4.4, without training: diagnostics applied to networks with given weights.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/worker/watched.hpp"
#include "worker/diagnostics/collectors.hpp"
#include "worker/diagnostics/eigenvalues.hpp"
#include "worker/diagnostics/sensitivity.hpp"

namespace phasegrid::worker::test {
namespace {

// The exponent of y ~ x^e between the first and the last point.
double exponent(const std::vector<double>& x, const std::vector<double>& y) {
  return std::log(y.back() / y.front()) / std::log(x.back() / x.front());
}

// Least-squares slope of y over x.
double slope(const std::vector<double>& x, const std::vector<double>& y) {
  double mx = 0, my = 0, xx = 0, xy = 0;
  const double n = static_cast<double>(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) mx += x[i] / n, my += y[i] / n;
  for (std::size_t i = 0; i < x.size(); ++i) xx += (x[i] - mx) * (x[i] - mx), xy += (x[i] - mx) * (y[i] - my);
  return xy / xx;
}

// ---- Token dynamics (4.3): depth as time. One channel, blocks with residual, e' = e + dt y, where
//   y_l = S_C x_l sum_j e^{-a sum delta} delta_j S_B x_j^2      delta = softplus(S_delta x + b)
// These are Euler steps of x_l' = mu x_l sum_j (..), mu = S_C S_B.
struct Dynamics {
  double S_B = 1, S_C = 1, S_delta = 0, b = 0.5, a = 1;
};

// |x_l| at every depth, with depth k a time of times[k]: (depth, token).
std::vector<std::vector<double>> norms_over_time(const Dynamics& dynamics, const std::vector<double>& start,
                                                 const std::vector<double>& times) {
  ModelSettings model;
  model.variant = "mamba", model.N = 1, model.layers = static_cast<int>(times.size()) - 1, model.residual = true;
  model.discretisation = kernels::Discretisation::euler, model.delta_rank = 0;
  Table<double> inputs(static_cast<int>(start.size()), 1);
  inputs.data = start;
  const auto network = bare_mixer(model, inputs, [&](const std::string& name, int, int) {
    if (name == "x_proj.B") return dynamics.S_B;
    if (name == "x_proj.C") return dynamics.S_C;
    if (name == "dt_proj.weight") return dynamics.S_delta;
    if (name == "dt_proj.bias") return dynamics.b;
    return name == "A_log" ? std::log(dynamics.a) : 0.0;
  });
  for (std::size_t k = 0; k + 1 < times.size(); ++k)
    *network->weight("layers." + std::to_string(k) + ".mixer.out_proj", 0, 0) = times[k + 1] - times[k];
  tasks::Batch batch;
  batch.clear(static_cast<int>(start.size()));
  for (std::size_t t = 0; t < start.size(); ++t) batch.tokens.push_back(static_cast<int>(t));
  batch.end_sequence();
  network->run(batch, 0);

  const Recurrence first = observe(*network, 0);
  EXPECT_EQ(kernel_eigenvalues(first.W_B, first.W_C).convergent,
            dynamics.S_B * dynamics.S_C < 0);  // the criterion foretells what follows
  std::vector<std::vector<double>> norms;
  for (int depth = 0; depth <= model.layers; ++depth) norms.push_back(token_norms(*network, depth));
  return norms;
}

std::vector<double> growing_times(double step, double growth, double end) {
  std::vector<double> times{0};
  while (times.back() < end) times.push_back(times.back() + std::max(step, growth * times.back()));
  return times;
}

TEST(Rates, TokensOfANegativeKernelShrinkLikeOneOverTheRootOfDepth) {
  const std::vector<double> times = growing_times(0.02, 0.02, 1e5);
  const auto norms = norms_over_time({.S_B = -1}, {1.0, 0.7, -1.2}, times);
  std::size_t begin = 0;
  while (times[begin] < 1e4) ++begin;
  for (std::size_t l = 0; l < 3; ++l) {
    std::vector<double> t(times.begin() + static_cast<std::ptrdiff_t>(begin), times.end()), x;
    for (std::size_t k = begin; k < times.size(); ++k) x.push_back(norms[k][l]);
    EXPECT_NEAR(exponent(t, x), -0.5, 0.01) << "token " << l;
  }
}

// x' = c x^3 delta with delta ~ S x: x^{-3} falls linearly and reaches 0 at a finite time.
TEST(Rates, TokensWhoseStepSizeGrowsWithThemBlowUpInFiniteTime) {
  const double S = 2;
  std::vector<double> times;
  for (int k = 0; k <= 400; ++k) times.push_back(1e-9 * k);  // to half of the time of the blow-up, 60^{-3} / (3 S)
  const auto norms = norms_over_time({.S_delta = S}, {60.0}, times);
  std::vector<double> inverse_cube;
  for (const auto& x : norms) inverse_cube.push_back(std::pow(x[0], -3));
  // x' = x^3 (S x + b) up to e^{-S x}: with b = 0.5 a correction of b / (S x) = 0.4 %.
  EXPECT_NEAR(slope(times, inverse_cube), -3 * S, 0.01 * 3 * S);
  EXPECT_GT(norms.back()[0], 1.2 * norms.front()[0]);
}

// delta ~ e^{S x + b}, S < 0: x' = x^3 e^{S x + b}, so that |S| x - 3 ln x = ln t + constant: slow.
TEST(Rates, TokensWhoseStepSizeFallsWithThemGrowLogarithmically) {
  const std::vector<double> times = growing_times(0.002, 0.01, 1e9);
  const auto norms = norms_over_time({.S_delta = -1, .b = 0}, {1.0}, times);
  std::vector<double> log_t, grown;
  for (std::size_t k = 0; k < times.size(); ++k)
    if (times[k] > 1e5) log_t.push_back(std::log(times[k])), grown.push_back(norms[k][0] - 3 * std::log(norms[k][0]));
  EXPECT_NEAR(slope(log_t, grown), 1, 0.03);
}

// ---- B2S6 (4.4)
struct Blocks {
  static constexpr int D = 4, T = 6, k0 = 2;
  ModelSettings model;
  Table<double> inputs{T, D};
  std::vector<double> w;  // of the step size, (D)
  std::vector<double> v;  // direction of the large token

  // Blocks of the channels, and the sign of w . v in each.
  explicit Blocks(const std::vector<double>& signs) {
    model.variant = "b2s6", model.blocks = static_cast<int>(signs.size()), model.N = 2, model.block_complex = false,
    model.block_bias = true;
    model.discretisation = kernels::Discretisation::zoh;
    kernels::Random random(3, 1, 0);
    for (double& x : inputs.data) x = random.normal();
    const int p = D / model.blocks;
    for (int i = 0; i < D; ++i)
      v.push_back(1 + 0.3 * i), w.push_back(signs[static_cast<std::size_t>(i / p)] * (0.5 + 0.1 * i));
  }
  // S_k of the last output, the token k0 being c v.
  std::vector<double> at(double c) const {
    Table<double> scaled = inputs;
    for (int i = 0; i < D; ++i) scaled(k0, i) = c * v[static_cast<std::size_t>(i)];
    kernels::Random random(4, 1, 0);
    const auto network = bare_mixer(model, scaled, [&](const std::string& name, int, int column) {
      const double noise = random.normal();
      if (name == "dt_proj.weight") return w[static_cast<std::size_t>(column)];
      if (name == "dt_proj.bias") return -1.0;
      return name == "A_log" ? -1.0 : name == "D" ? 0.0 : noise;
    });
    return shares(reach(observe(*network, 0)).output);
  }
};

TEST(Rates, OneBlockForgetsEverythingBeforeALargeTokenOfPositiveProjectionExponentially) {
  const Blocks blocks({1});
  const std::vector<double> near = blocks.at(20), far = blocks.at(30);
  for (int k = 0; k < Blocks::k0; ++k) {
    const auto i = static_cast<std::size_t>(k);
    EXPECT_LT(far[i], 1e-5 * near[i]) << "position " << k;  // e^{-A w.v 10}, A >= 0.36, w.v > 3
  }
  EXPECT_GT(far[Blocks::k0 + 1], 0.01);
}

TEST(Rates, OneBlockForgetsALargeTokenOfNegativeProjectionExponentially) {
  const Blocks blocks({-1});
  const std::vector<double> near = blocks.at(5), far = blocks.at(10);
  EXPECT_LT(far[Blocks::k0], 1e-5 * near[Blocks::k0]);
  EXPECT_GT(far[0], 1e-3);
}

TEST(Rates, BlocksOfBothSignsForgetPolynomiallyOnly) {
  const Blocks blocks({1, -1});
  std::vector<double> c{1e3, 1e4};
  std::vector<std::vector<double>> S;
  for (const double scale : c) S.push_back(blocks.at(scale));
  for (int k = 0; k < Blocks::T - 1; ++k) {
    const auto i = static_cast<std::size_t>(k);
    const double expected = k < Blocks::k0 ? -2 : k == Blocks::k0 ? -1 : 0;
    EXPECT_NEAR(exponent(c, {S[0][i], S[1][i]}), expected, 0.02) << "position " << k;
  }
}

// ---- Gradient ratios (theorem 3): S6's step size against that of a system that does not look at its input.
struct Ratio {
  double w, b;
};
Ratio gradient_ratio(int T, int samples, const std::function<double(kernels::Random&)>& draw) {
  ModelSettings model;
  model.variant = "mamba", model.N = 2, model.delta_rank = 0, model.discretisation = kernels::Discretisation::zoh;
  double w = 0, b = 0, twin = 0;
  kernels::Random random(9, 1, 0);
  for (int sample = 0; sample < samples; ++sample) {
    Table<double> inputs(T, 1);
    for (double& x : inputs.data) x = draw(random);
    const auto network = bare_mixer(model, inputs, [&](const std::string& name, int, int) {
      if (name == "dt_proj.bias") return std::log(std::expm1(1e-5));
      if (name == "x_proj.B" || name == "x_proj.C") return 1.0;
      return 0.0;  // w = 0: the input changes B and C only; A = -1; no skip
    });
    const Recurrence r = observe(*network, 0);
    const StepGradient gradient = step_gradient(r);
    w += norm(gradient, true), b += norm(gradient, false), twin += norm(step_gradient(time_invariant_twin(r)), false);
  }
  return {w / twin, b / twin};
}

TEST(Rates, GradientRatiosGrowAsThirdAndSecondPowerOfTheInputsScale) {
  const std::vector<double> c{1, 8};
  const auto scaled = [](double scale) { return [scale](kernels::Random& r) { return scale * r.normal(); }; };
  const Ratio small = gradient_ratio(16, 40, scaled(c[0])), large = gradient_ratio(16, 40, scaled(c[1]));
  EXPECT_NEAR(exponent(c, {small.w, large.w}), 3, 1e-6);
  EXPECT_NEAR(exponent(c, {small.b, large.b}), 2, 1e-6);
}

TEST(Rates, GradientRatiosGrowAsTheRootOfTheLength) {
  // Mean 0, variance 1, third moment 1.5: S6 sums u^2 (by b) and u^3 (by w), which grow as L; the other system sums u,
  // which grows as sqrt(L).
  const auto skewed = [](kernels::Random& r) { return r.uniform(0, 1) < 0.2 ? 2.0 : -0.5; };
  const std::vector<double> lengths{64, 1024};
  const Ratio small = gradient_ratio(64, 200, skewed), large = gradient_ratio(1024, 200, skewed);
  EXPECT_NEAR(exponent(lengths, {small.b, large.b}), 0.5, 0.06);  // 200 samples: the mean of |sum of u| is known to 5 %
  EXPECT_NEAR(exponent(lengths, {small.w, large.w}), 0.5, 0.06);
}

// ---- Rank of the output (theorem 1): scalar input in all channels, fixed step sizes.
double second_singular_value(const std::string& variant, int blocks) {
  constexpr int D = 4, T = 8, examples = 12;
  ModelSettings model;
  model.variant = variant, model.N = 4, model.blocks = blocks, model.block_complex = false, model.block_bias = false;
  model.delta_fixed = true, model.delta_rank = 0;
  kernels::Random random(21, 1, 0);
  std::vector<double> m;
  for (int c = 0; c < D; ++c) m.push_back(random.normal());
  Table<double> last(examples, D);
  for (int e = 0; e < examples; ++e) {
    Table<double> inputs(T, D);
    for (int t = 0; t < T; ++t) {
      const double u = random.normal();
      for (int c = 0; c < D; ++c) inputs(t, c) = u * m[static_cast<std::size_t>(c)];
    }
    kernels::Random weights(22, 1, 0);
    const auto network = bare_mixer(model, inputs, [&](const std::string& name, int, int) {
      const double noise = weights.normal();
      return name == "A_log" ? 0.1 * noise : name == "dt_proj.bias" ? -1.0 : name == "D" ? 0.0 : noise;
    });
    const Table<double> y = network->mixer_output(0);
    std::copy(y.row(T - 1), y.row(T - 1) + D, last.row(e));
  }
  return output_singular_values(last)[1];
}

TEST(Rates, OneSharedProjectionGivesChannelsOneQuadraticForm) {
  EXPECT_LT(second_singular_value("b2s6", 1), 1e-14);
  EXPECT_GT(second_singular_value("b2s6", 4), 1e-3);
}

}  // namespace
}  // namespace phasegrid::worker::test
