// Histograms, eigenvalues and states against direct computation, and the diagnostics of trained cells.
#include "worker/diagnostics/diagnose.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "tests/worker/watched.hpp"
#include "worker/diagnostics/collectors.hpp"
#include "worker/diagnostics/eigenvalues.hpp"
#include "worker/diagnostics/state.hpp"

namespace phasegrid::worker::test {
namespace {

using sweeps::LabelledArray;
using testing::ElementsAre;

const LabelledArray& named(const std::vector<LabelledArray>& arrays, const std::string& name) {
  for (const LabelledArray& array : arrays)
    if (array.name == name) return array;
  throw std::runtime_error("no array " + name);
}
bool has(const std::vector<LabelledArray>& arrays, const std::string& name) {
  return std::any_of(arrays.begin(), arrays.end(), [&](const LabelledArray& a) { return a.name == name; });
}
double sum(const std::vector<double>& numbers) { return std::accumulate(numbers.begin(), numbers.end(), 0.0); }

TEST(Decay, ValuesAreExactWhereTheFactorRoundsToOneOrZero) {
  const auto near_one = decay_values(1e-14), near_zero = decay_values(80);
  EXPECT_NEAR(near_one[1], -14, 1e-12);
  EXPECT_NEAR(near_zero[2], -80 / std::log(10), 1e-12);
  EXPECT_EQ(decay_bin(kDecayScales[0], 1.0), kDecayBins - 1);
  EXPECT_EQ(decay_bin(kDecayScales[0], 0.0), 0);
  EXPECT_EQ(decay_bin(kDecayScales[1], -20), 0);  // beyond the end
  EXPECT_EQ(decay_bin(kDecayScales[2], -40 + 0.001), 0);
  for (const DecayScale& scale : kDecayScales)
    for (int bin = 0; bin < kDecayBins; ++bin) EXPECT_EQ(decay_bin(scale, decay_bin_middle(scale, bin)), bin);
}

TEST(Decay, HistogramsCountEveryPositionChannelAndStateOnce) {
  const Watch watch(mqar_cell("mamba", "gate = true\nd = 4"));
  const Recurrence r = observe(*watch.network, 0);
  std::vector<int> role;
  for (int t = 0; t < r.T; ++t) role.push_back(t % 3);
  const std::vector<int> read{5, 9};
  const std::vector<double> out_norm{0, 1, 2, 3};
  DecayHistograms histograms(3, r.D, true);
  histograms.add(r, role, read, out_norm);

  std::vector<double> expected(3 * kDecayBins), weighted(3 * kDecayBins);
  for (int c = 0; c < r.D; ++c) {
    const Channel ch = walk(r, c);
    for (int t = 0; t < r.T; ++t)
      for (int n = 0; n < r.N; ++n) {
        const double a = std::abs(ch.a(t, n)),
                     weight = (std::abs(ch.C(5, n)) + std::abs(ch.C(9, n))) / 2 * out_norm[static_cast<std::size_t>(c)];
        const std::size_t at =
            static_cast<std::size_t>(t % 3 * kDecayBins + std::min(kDecayBins - 1, static_cast<int>(a * kDecayBins)));
        expected[at] += 1, weighted[at] += weight;
      }
  }
  EXPECT_EQ(histograms.counts(0).data, expected);
  for (std::size_t i = 0; i < weighted.size(); ++i) EXPECT_NEAR(histograms.read_out(0).data[i], weighted[i], 1e-12);
  for (int scale = 0; scale < 3; ++scale) {
    EXPECT_EQ(sum(histograms.counts(scale).data), r.T * r.D * r.N);
    EXPECT_EQ(sum(histograms.by_channel(scale).data), r.T * r.D * r.N);
    EXPECT_EQ(sum({histograms.by_channel(scale).row(3), histograms.by_channel(scale).row(6)}), r.T * r.N)
        << "the second channel, three roles";
  }
}

// C5 of docs/theory.md, 3.5: with delta = softplus(beta (n + 1/2 - t)) everything before the n-th token is forgotten,
// and it is kept from then on.
TEST(Decay, OfTheWeightsThatSolveKeepNthIsZeroBeforeAndOneAfter) {
  const std::string text =
      "[sweep]\nname = \"c5\"\n[task]\nname = \"keep_nth\"\nvocab = 8\nn = 5\nT = 20\n[model]\nvariant = \"mamba\"\nd "
      "= 5\nN = 1\nconv = 0\n"
      "activation = \"identity\"\ngate = false\ndelta_rank = \"full\"\npositional = \"learned\"\n[diagnostics]\ndecay "
      "= true\n";
  const sweeps::CellSpec cell = sweeps::Grid::parse(text, "c5.toml", make_schema()).cell(0);
  const ModelSettings model = model_settings(cell.settings, 8, 20);
  const ParameterSet parameters = describe_parameters(model);
  std::vector<float> weights(static_cast<std::size_t>(parameters.size()));
  const double beta = 60, n = 5;
  for (const ParameterInfo& p : parameters.all())
    for (int r = 0; r < p.rows; ++r)
      for (int c = 0; c < p.columns; ++c) {
        double w = 0;
        if (p.name == "embedding.weight") w = c < 3 ? (r >> c) & 1 : c == 3;  // bits, and a constant 1
        else if (p.name == "position.weight") w = c == 4 ? r + 1 : 0;         // t
        else if (p.name.ends_with("in_proj.x") || p.name.ends_with("out_proj"))
          w = r == c && (c < 3 || p.name.ends_with("x"));
        else if (p.name.ends_with("dt_proj.weight")) w = r == 4 ? -beta : r == 3 ? beta * (n + 0.5) : 0;
        else if (p.name.ends_with("x_proj.B") || p.name.ends_with("x_proj.C")) w = r == 3;
        weights[static_cast<std::size_t>(p.offset + static_cast<std::int64_t>(r) * p.width() + c)] =
            static_cast<float>(w);
      }
  const auto arrays = diagnose(cell, model, parameters, weights.data(), cpu_kinds().back());
  const std::vector<std::string>& roles = named(arrays, "role").text;
  ASSERT_THAT(roles, ElementsAre("before", "after"));
  for (const char* suffix : {"", "_read"}) {
    const LabelledArray &near_zero = named(arrays, std::string("decay_near_zero") + suffix),
                        &near_one = named(arrays, std::string("decay_near_one") + suffix);
    const auto mass = [](const LabelledArray& array, int role, int from, int to) {
      double total = 0;
      for (int bin = from; bin < to; ++bin) total += array.data[static_cast<std::size_t>(role * kDecayBins + bin)];
      return total;
    };
    const int below_13 = decay_bin(kDecayScales[2], -13) + 1;  // a <= 1e-13, up to the width of a bin: e^{-30} at t = n
    EXPECT_GT(mass(near_zero, 0, 0, below_13), 0);
    EXPECT_EQ(mass(near_zero, 0, below_13, kDecayBins), 0) << "before: every decay factor is below 1e-13";
    const int within_12 = decay_bin(kDecayScales[1], -12);  // 1 - a <= 1e-12
    EXPECT_GT(mass(near_one, 1, 0, within_12), 0);
    EXPECT_EQ(mass(near_one, 1, within_12, kDecayBins), 0) << "after: every decay factor is 1 within 1e-12";
  }
  EXPECT_EQ(named(arrays, "decay").data[kDecayBins - 1 + kDecayBins], 16 * 15 * 5)
      << "16 sequences, 15 positions after, 5 channels";
}

TEST(Eigenvalues, AreThoseOfTheKernel) {
  // W_C^T W_B = [2 0; 0 -3] and [0 1; -1 0] (eigenvalues +-i, symmetric part 0).
  Table<Complex> identity(2, 2), scaled(2, 2), turn(2, 2);
  identity(0, 0) = identity(1, 1) = 1, scaled(0, 0) = 2, scaled(1, 1) = -3, turn(0, 1) = 1, turn(1, 0) = -1;
  const KernelEigenvalues values = kernel_eigenvalues(scaled, identity), rotation = kernel_eigenvalues(turn, identity);
  EXPECT_THAT(values.real_parts, testing::Pointwise(testing::DoubleNear(1e-14), {2.0, -3.0}));
  EXPECT_THAT(values.symmetric, testing::Pointwise(testing::DoubleNear(1e-14), {2.0, -3.0}));
  EXPECT_EQ(values.positive_fraction, 0.5);
  EXPECT_FALSE(values.convergent);
  EXPECT_THAT(rotation.symmetric, testing::Each(testing::DoubleNear(0, 1e-14)));
  scaled(0, 0) = -2;
  EXPECT_TRUE(kernel_eigenvalues(scaled, identity).convergent);
}

TEST(Eigenvalues, OfAFewStatesAreThoseOfTheWholeKernelWithoutItsZeros) {
  kernels::Random random(5, 1, 0);
  Table<Complex> B(2, 7), C(2, 7), B_all(7, 7), C_all(7, 7);
  for (int i = 0; i < 2; ++i)
    for (int c = 0; c < 7; ++c) B(i, c) = B_all(i, c) = random.normal(), C(i, c) = C_all(i, c) = random.normal();
  const KernelEigenvalues few = kernel_eigenvalues(B, C), all = kernel_eigenvalues(B_all, C_all);
  ASSERT_EQ(few.real_parts.size(), 2u);
  ASSERT_EQ(few.symmetric.size(), 4u);
  EXPECT_NEAR(sum(few.real_parts), sum(all.real_parts), 1e-12);
  EXPECT_NEAR(few.symmetric.front(), all.symmetric.front(), 1e-12);
  EXPECT_NEAR(few.symmetric.back(), all.symmetric.back(), 1e-12);
  Table<Complex> B_imaginary = B;  // Re(W_C^T (i W_B)) = 0 for real W_C
  for (Complex& b : B_imaginary.data) b *= Complex(0, 1);
  EXPECT_NEAR(kernel_eigenvalues(B_imaginary, C).symmetric.front(), 0, 1e-12);
}

TEST(State, ColumnsAreLabelledByTheQueryThatReadsThem) {
  Recurrence r;
  r.T = 3, r.D = 1, r.N = 3;
  r.step_of = {0}, r.group_of = {0}, r.skip = {0};
  r.x = Table<double>(3, 1, 1.0), r.delta = Table<double>(3, 1, 0.5);
  r.A = Table<Complex>(1, 3, -1.0), r.B = Table<Complex>(3, 3, 1.0), r.C = Table<Complex>(3, 3);
  r.C(1, 0) = -2, r.C(2, 0) = 1, r.C(2, 1) = 0.5;
  const StateSample sample = sample_state(r, {1, 2}, {40, 41});
  EXPECT_EQ(sample.column_token[0], 40);
  EXPECT_EQ(sample.column_token[1], 41);
  EXPECT_TRUE(std::isnan(sample.column_token[2])) << "no query reads the last column";
  const double a = std::exp(-0.5);
  EXPECT_NEAR(sample.state(0, 0).real(), 0.5 * (1 + a + a * a), 1e-15);
  EXPECT_EQ(sample.read(0, 0), 2);
}

constexpr const char* kEverything =
    "steps = 6\n[diagnostics]\ndecay = true\ndecay_channels = true\nsensitivity = true\ngradients = true\neigenvalues "
    "= true\nstate = true\ndiagnostics_examples = 5\n";

TEST(Diagnostics, AreNotRecordedUnlessAskedFor) {
  const sweeps::CellSpec cell = mqar_cell("mamba");
  EXPECT_TRUE(run_pack(std::span(&cell, 1), {cpu_kinds().back()})[0].diagnostics.empty());
}

TEST(Diagnostics, LeaveTheTrainingAsItIs) {
  const sweeps::CellSpec plain = mqar_cell("mamba", "", "steps = 6"), watched = mqar_cell("mamba", "", kEverything);
  const auto a = run_pack(std::span(&plain, 1), {cpu_kinds().back()})[0],
             b = run_pack(std::span(&watched, 1), {cpu_kinds().back()})[0];
  EXPECT_EQ(a.loss, b.loss);
  EXPECT_EQ(a.curve.back().train_loss, b.curve.back().train_loss);
}

class EveryDiagnostic : public testing::TestWithParam<std::string> {};
std::vector<std::string> variant_names() {
  std::vector<std::string> names;
  for (const VariantEntry& variant : all_variants()) names.push_back(variant.name);
  return names;
}
INSTANTIATE_TEST_SUITE_P(Table, EveryDiagnostic, testing::ValuesIn(variant_names()),
                         [](const auto& info) { return info.param; });

TEST_P(EveryDiagnostic, HasTheShapesThatItsNamesSay) {
  const sweeps::CellSpec cell = mqar_cell(GetParam(), "layers = 2\nresidual = true", kEverything);
  const auto results = run_pack(std::span(&cell, 1), {cpu_kinds().back()});
  ASSERT_EQ(results[0].status, sweeps::Status::done);
  const auto& arrays = results[0].diagnostics;
  for (const LabelledArray& array : arrays) {
    ASSERT_EQ(array.dims.size(), array.shape.size()) << array.name;
    EXPECT_FALSE(array.long_name.empty()) << array.name;
    const auto size = std::accumulate(array.shape.begin(), array.shape.end(), std::size_t{1}, std::multiplies<>());
    EXPECT_EQ(array.data.size() + array.text.size(), size) << array.name;
    for (std::size_t i = 0; i < array.dims.size(); ++i)
      EXPECT_EQ(named(arrays, array.dims[i]).shape[0], array.shape[i]) << array.name << " over " << array.dims[i];
  }
  EXPECT_THAT(named(arrays, "token_norm").shape, ElementsAre(3, 14));
  if (!has_state(GetParam())) return;
  EXPECT_THAT(named(arrays, "decay").dims, ElementsAre("layer", "role", "a"));
  EXPECT_THAT(named(arrays, "role").text, testing::UnorderedElementsAre("key", "value", "query", "filler"));
  EXPECT_THAT(named(arrays, "sensitivity").shape, ElementsAre(2, 14));
  const auto& share = named(arrays, "influence").data;
  EXPECT_NEAR(sum(share), 2, 1e-12) << "shares of each layer add up to 1";
  EXPECT_THAT(named(arrays, "state_matrix").dims, ElementsAre("example", "layer", "channel", "state"));
  EXPECT_EQ(named(arrays, "state_matrix").shape[0], 4u);
  EXPECT_EQ(has(arrays, "gradient_ratio_w"), !GetParam().ends_with("s4d") && GetParam() != "s4");
  EXPECT_EQ(has(arrays, "eigenvalues"), !GetParam().ends_with("s4d") && GetParam() != "s4");
  EXPECT_EQ(has(arrays, "state_token"), has(arrays, "eigenvalues"));
}

TEST_P(EveryDiagnostic, HasTheSameBitsInAPackAndAlone) {
  std::vector<sweeps::CellSpec> cells;
  for (int i = 0; i < 3; ++i) cells.push_back(mqar_cell(GetParam(), "", kEverything, i));
  const auto pack = run_pack(cells, {cpu_kinds().back()}),
             alone = run_pack(std::span(&cells[1], 1), {cpu_kinds().back()});
  ASSERT_EQ(pack[1].diagnostics.size(), alone[0].diagnostics.size());
  for (std::size_t i = 0; i < alone[0].diagnostics.size(); ++i) {
    const LabelledArray &a = pack[1].diagnostics[i], &b = alone[0].diagnostics[i];
    EXPECT_EQ(a.name, b.name);
    ASSERT_EQ(a.data.size(), b.data.size());
    for (std::size_t k = 0; k < a.data.size(); ++k)
      ASSERT_TRUE(a.data[k] == b.data[k] || (std::isnan(a.data[k]) && std::isnan(b.data[k]))) << a.name << " " << k;
  }
}

}  // namespace
}  // namespace phasegrid::worker::test
