// H1, H2, H3 (docs/theory.md, 3.6) as cells: their loss is that of the best approximation, and falls as theory says.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "sweeps/bounds.hpp"
#include "sweeps/thresholds.hpp"
#include "tasks/piecewise_constant.hpp"
#include "tests/worker/constructed_cells.hpp"
#include "worker/models/constructions/constructions.hpp"
#include "worker/models/constructions/partition.hpp"
#include "worker/training.hpp"

namespace phasegrid::worker {
namespace {

using namespace constructed;

constexpr double kExact = 1e-6;         // of 1 - R2 in single precision: docs/analysis.md
constexpr double kFloatTolerance = 1e-3;  // of a loss of single precision, relative
constexpr int kJumps = 3;

const std::string kTime = "positional = \"scalar\"\n", kSum = "discretisation = \"none\"\n";
std::string task_of(int T) { return "name = \"piecewise_constant\"\njumps = 3\nT = " + std::to_string(T) + "\n"; }

struct Memory {
  const char* name;
  std::string model;  // without the size of the memory
  std::string (*size)(int n);
  int least_n;  // pieces or modes with which T = 40 is exact
};
void PrintTo(const Memory& memory, std::ostream* out) { *out << memory.name; }

std::string columns(int n) { return "N = " + std::to_string(n) + "\n"; }
std::string channels(int n) { return "N = 1\nD = " + std::to_string(2 * n + 2) + "\n"; }
std::string wavelets(int n) { return columns(n) + "D = " + std::to_string(2 * n + 1) + "\n"; }
std::string modes(int n) { return columns(2 * n) + "D = 2\n"; }

std::vector<Memory> memories() {
  const int pieces = static_cast<int>(sweeps::most_pieces(kJumps, 40));
  const std::string s6 = "variant = \"mamba\"\nd = 3\n", dt = "variant = \"mamba_delta_t\"\nd = 3\nD = 4\n";
  const std::string relu = "activation = \"relu\"\n", identity = "activation = \"identity\"\n";
  return {
      {"h1_columns", dt + kTime + kSum, columns, pieces},
      {"h1_columns_identity_full_rank", dt + kTime + kSum + identity + "delta_rank = \"full\"\ngate = false\n", columns, pieces},
      {"h1_columns_learned_positions_conv_4", dt + kSum + relu + "positional = \"learned\"\nconv = 4\n", columns, pieces},
      {"h1_channels", s6 + kTime + kSum, channels, pieces},
      {"h1_channels_time_layer", s6 + kSum + relu + "positional = \"ssm_time\"\nconv = 0\n", channels, pieces},
      {"h2", s6 + kTime, wavelets, pieces},
      {"h2_relu_zoh_bare", s6 + kTime + relu + "discretisation = \"zoh\"\ngate = false\n", wavelets, pieces},
      {"h2_none_full_rank", s6 + kTime + relu + kSum + "construction = \"H2\"\ndelta_rank = \"full\"\n", wavelets, pieces},
      {"h2_fixed_steps", s6 + kTime + "delta_activation = \"fixed\"\n", wavelets, pieces},
      {"h3", "variant = \"s4d\"\nd = 1\n", modes, 21},
      {"h3_gate_identity_euler", "variant = \"mamba_s4d\"\nd = 2\nactivation = \"identity\"\ndiscretisation = \"euler\"\n", modes, 21},
  };
}

class Projection : public testing::TestWithParam<Memory> {};

TEST_P(Projection, IsExactAtTheSizesOfTheTheoremAndWithEverySwitch) {
  for (const int seed : {0, 1, 2}) {
    const auto cell = cell_of(task_of(40), GetParam().model + GetParam().size(GetParam().least_n), "[eval]\neval_examples = 100\n", seed);
    const auto result = run(cell);
    EXPECT_EQ(result.status, sweeps::Status::done);
    EXPECT_GT(result.accuracy, 1 - kExact) << construction_name(cell.settings);
    EXPECT_EQ(result.steps, 0);
  }
}

TEST_P(Projection, HasTheSizesThatTheThresholdsName) {
  const auto cell = cell_of(task_of(40), GetParam().model + GetParam().size(GetParam().least_n));
  const Construction& construction = construction_of(cell.settings);
  const Sizes sizes = construction.sizes(construction_case(cell.settings));
  std::map<std::string, double> exact;
  for (const auto& threshold : sweeps::thresholds(cell.settings)) {
    EXPECT_EQ(sweeps::construction_named(threshold), construction.name);
    exact[threshold.quantity] = threshold.value;
  }
  EXPECT_EQ(exact["d"], sizes.d);
  EXPECT_EQ(exact["D"], sizes.D);
  EXPECT_EQ(exact["N"], sizes.N);
  const auto has = [&](const char* key) { return cell.settings.integer(key); };
  EXPECT_EQ(sizes.d, has("d"));
  EXPECT_EQ(sizes.D, has("D"));
  EXPECT_EQ(sizes.N, has("N"));
}

// <x, f - g>^2 / T^2, averaged over the cell's own test set.
double expected_loss(const sweeps::CellSpec& cell, int n) {
  const auto task = make_task(cell.settings);
  const std::vector<double> f = tasks::step_function(data_key(cell), kJumps).on_grid(task->T());
  std::vector<double> g(f.size());
  if (cell.settings.word("variant").find("s4d") != std::string::npos) {
    for (const Mode& mode : best_modes(f, n))
      for (std::size_t t = 0; t < g.size(); ++t)
        g[t] += mode.weight * (mode.amplitude * std::polar(1.0, 2 * M_PI * mode.frequency * static_cast<double>(t) / task->T())).real();
  } else {
    for (const Piece& piece : best_pieces(f, n).pieces) std::fill(g.begin() + piece.begin, g.begin() + piece.end, piece.mean);
  }
  tasks::Batch batch;
  const int examples = static_cast<int>(cell.settings.integer("eval_examples"));
  tasks::draw_batch(*task, data_key(cell), tasks::Stream::test, 0, examples, batch);
  double loss = 0;
  for (int s = 0; s < examples; ++s) {
    double inner = 0;
    for (std::size_t t = 0; t < f.size(); ++t) inner += batch.inputs[static_cast<std::size_t>(s) * f.size() + t] * (f[t] - g[t]);
    loss += inner * inner / (task->T() * task->T()) / examples;
  }
  return loss;
}

TEST_P(Projection, LosesWhatTheBestApproximationOfItsSizeLoses) {
  for (const int n : {1, 2, 4, 7}) {
    const auto cell = cell_of(task_of(40), GetParam().model + GetParam().size(n), "[eval]\neval_examples = 64\n", n);
    const double expected = expected_loss(cell, n);
    EXPECT_NEAR(run(cell).loss, expected, kFloatTolerance * expected) << n;
  }
}

INSTANTIATE_TEST_SUITE_P(EverySwitch, Projection, testing::ValuesIn(memories()), [](const auto& info) { return std::string(info.param.name); });

// Least-squares slope of log2 of the loss, averaged over functions, against x(n).
double slope(const std::string& model, std::string (*size)(int), const std::vector<int>& numbers, double (*x)(double)) {
  double sx = 0, sy = 0, xx = 0, xy = 0;
  const double count = static_cast<double>(numbers.size());
  for (const int n : numbers) {
    double loss = 0;
    for (int seed = 0; seed < 12; ++seed) loss += run(cell_of(task_of(256), model + size(n), "[eval]\neval_examples = 64\n", seed)).loss;
    const double y = std::log2(loss);
    sx += x(n), sy += y, xx += x(n) * x(n), xy += x(n) * y;
  }
  return (xy - sx * sy / count) / (xx - sx * sx / count);
}

TEST(MemoryRates, OfSelectiveMemoriesAreExponentialAndOfModesAreNot) {
  const auto per_jump = [](double n) { return n / kJumps; };
  const auto per_octave = [](double n) { return std::log2(n); };
  const std::string dt = "variant = \"mamba_delta_t\"\nd = 3\nD = 4\n" + kTime + kSum;
  const double pieces = slope(dt, columns, {4, 7, 10, 13}, per_jump);
  EXPECT_LT(pieces, -0.85) << "halves with as many more memories as there are jumps, or sooner";
  const double fourier = slope("variant = \"s4d\"\nd = 1\n", modes, {4, 8, 16, 32}, per_octave);
  EXPECT_NEAR(fourier, -1, 0.25) << "halves with every doubling";
}

TEST(Projection, CanBeTrainedOn) {
  const auto result = run(cell_of(task_of(24), "variant = \"mamba_delta_t\"\nd = 3\nD = 4\nN = 16\ninit_noise = 0.1\n" + kTime + kSum,
                                  "[train]\nsteps = 200\nlearning_rate = 1e-3\n[eval]\nevery = 50\neval_examples = 100\n"));
  EXPECT_LT(result.curve.front().accuracy, 0.999) << "noise has spoilt it";
  EXPECT_GT(result.accuracy, result.curve.front().accuracy);
}

TEST(Projection, OfACellThatNoTheoremCoversNamesTheKeyAndTheRule) {
  const std::string s6 = "variant = \"mamba\"\nd = 3\nD = 8\n", task = task_of(16);
  for (const auto& [model, key] : {std::pair<std::string, std::string>{s6, "positional"},
                                   {s6 + kTime + "activation = \"identity\"\n", "discretisation"},
                                   {s6 + kTime + "construction = \"H1\"\n", "discretisation"},
                                   {s6 + kTime + "construction = \"H2\"\nactivation = \"identity\"\n", "activation"},
                                   {"variant = \"mamba\"\nd = 2\nD = 8\n" + kTime, "d"},
                                   {"variant = \"mamba\"\nd = 3\nD = 2\n" + kTime, "D"},
                                   {"variant = \"s4d\"\nd = 1\nD = 2\ns4d_mode = \"real\"\n", "s4d_mode"},
                                   {s6 + kTime + "layers = 2\n", "layers"}}) {
    const std::string error = error_of(task, model);
    EXPECT_NE(error.find("model." + key + ": "), std::string::npos) << model << error;
    EXPECT_NE(error.find("expected"), std::string::npos) << error;
  }
}

}  // namespace
}  // namespace phasegrid::worker
