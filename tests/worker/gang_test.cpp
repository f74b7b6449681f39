// Cells that several replicas train together against the same cells trained alone.
#include "worker/gang.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <thread>

#include "tests/worker/support.hpp"
#include "worker/pack.hpp"

namespace phasegrid::worker::test {
namespace {

std::vector<std::unique_ptr<Replicas>> gang_of(int count, Waiting waiting = [] { return true; }) {
  std::vector<std::unique_ptr<Replicas>> replicas;
  const int file = make_shared_file();
  for (int r = 0; r < count; ++r) replicas.push_back(shared_replicas(r == 0 ? file : fcntl(file, F_DUPFD_CLOEXEC, 0), r, count, waiting));
  return replicas;
}

// Calls member(r) for every replica, side by side.
template <class Member>
void together(int count, Member member) {
  std::vector<std::jthread> threads;
  for (int r = 0; r < count; ++r) threads.emplace_back(member, r);
}

struct Curve {
  std::vector<double> losses, weights;
};

// A short training as Pack does it, but in double: `count` replicas, or alone.
Curve train_in_double(const sweeps::CellSpec& cell, int count) {
  Curve curve;
  const auto replicas = gang_of(count);
  together(count, [&](int r) {
    Gang gang(count > 1 ? replicas[static_cast<std::size_t>(r)].get() : nullptr);
    const TrainSettings train = train_settings(cell.settings);
    TrainingData data(cell, train, gang.share());
    const ModelSettings model = model_settings(cell.settings, data.task());
    const ParameterSet parameters = describe_parameters(model);
    const std::int64_t size = parameters.size();
    kernels::Arena arena;
    double* buffer[4];   // weights, gradient, moments
    for (double*& each : buffer) each = arena.allocate_array<double>(static_cast<std::size_t>(size));
    parameters.initialise(buffer[0], weights_key(cell));
    gang.reserve(size, sizeof(double), 1);
    const LayoutShape shape = layout_shape(model, static_cast<int>(gang.share().most(train.batch)), data.task().T(), data.task().most_scored(), data.task().T());
    Network<double> network(model, shape, 1, cpu_kinds().back(), buffer[0], buffer[1]);
    const auto segments = parameters.segments();
    const auto& operations = kernels::operations<double>(cpu_kinds().back());
    tasks::Batch batch;
    for (std::int64_t step = 1; step <= train.steps; ++step) {
      data.draw(step, batch);
      network.set(0, batch);
      network.forward();
      const double loss = gang.mean_loss(network.loss(0), network.scored(0));
      std::memset(buffer[1], 0, static_cast<std::size_t>(size) * sizeof(double));
      network.backward();
      gang.sum(operations, buffer[1], size);
      operations.update({.method = train.method, .segments = segments.data(), .count = static_cast<int>(segments.size()), .w = buffer[0], .g = buffer[1], .m = buffer[2], .v = buffer[3],
                         .size = size, .step = step, .learning_rate = train.rate_at(step), .weight_decay = train.weight_decay, .clip = train.clip});
      if (r == 0) curve.losses.push_back(loss);
    }
    if (r == 0) curve.weights.assign(buffer[0], buffer[0] + size);
  });
  return curve;
}

// Sums of the same terms in another order: they begin at 1e-15 apart, and training pulls them apart further.
constexpr double kCurveTolerance = 1e-6;

class InDouble : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Variants, InDouble, testing::Values("mamba", "mamba2", "attention"), [](const auto& info) { return info.param; });

TEST_P(InDouble, TwoThreeAndFourReplicasHaveTheLossCurveOfOne) {
  // A batch of 6 is no multiple of 4: shares differ. The second model passes a fixed set of 15 in batches of 6, 6 and 3, so that one of four replicas has nothing in some.
  for (const std::string train : {"steps = 60\nlearning_rate = 0.01", "epochs = 20\nexamples = 15\nlearning_rate = 0.01\noptimizer = \"adam\"\nclip = 0.1"}) {
    const auto cell = mqar_cell(GetParam(), "", train);
    const Curve alone = train_in_double(cell, 1);
    ASSERT_EQ(alone.losses.size(), 60u);
    EXPECT_LT(alone.losses.back(), 0.9 * alone.losses.front()) << "nothing was learned";
    for (const int replicas : {2, 3, 4}) {
      const Curve gang = train_in_double(cell, replicas);
      for (std::size_t step = 0; step < alone.losses.size(); ++step)
        ASSERT_NEAR(gang.losses[step], alone.losses[step], kCurveTolerance * alone.losses[step]) << replicas << " replicas, step " << step + 1;
    }
  }
}

// Not a number equals itself here.
std::vector<std::uint64_t> bits(const std::vector<double>& numbers) {
  std::vector<std::uint64_t> all;
  for (const double number : numbers) all.push_back(std::bit_cast<std::uint64_t>(number));
  return all;
}

void expect_same_bits(const sweeps::CellResult& a, const sweeps::CellResult& b) {
  EXPECT_EQ(a.status, b.status);
  EXPECT_EQ(a.reason, b.reason);
  EXPECT_EQ(std::tie(a.examples, a.steps, a.best_step), std::tie(b.examples, b.steps, b.best_step));
  EXPECT_EQ(bits({a.loss, a.accuracy, a.accuracy_final, a.accuracy_validation}), bits({b.loss, b.accuracy, b.accuracy_final, b.accuracy_validation}));
  EXPECT_EQ(bits(a.loss_T), bits(b.loss_T));
  ASSERT_EQ(a.curve.size(), b.curve.size());
  for (std::size_t i = 0; i < a.curve.size(); ++i) {
    const sweeps::CurvePoint &p = a.curve[i], &q = b.curve[i];
    EXPECT_EQ(bits({p.loss, p.accuracy, p.train_loss}), bits({q.loss, q.accuracy, q.train_loss})) << "point " << i;
  }
}

sweeps::CellResult run(const sweeps::CellSpec& cell, const Observer& observer = {}) { return run_pack(std::span(&cell, 1), {cpu_kinds().back()}, observer).front(); }

TEST(Gang, GivesTheSameBitsAgainAndNearlyThoseOfOneTrainer) {
  const auto cell_with = [](int replicas) {
    return mqar_cell("mamba", "", "replicas = " + std::to_string(replicas) + "\nsteps = 40\nlearning_rate = 0.01\n[eval]\neval_examples = 300\nevery = 10\nT = [20]");
  };
  const auto alone = run(cell_with(1));
  for (const int replicas : {2, 4}) {
    const auto gang = run(cell_with(replicas)), again = run(cell_with(replicas));
    expect_same_bits(gang, again);
    EXPECT_EQ(gang.examples, alone.examples);
    EXPECT_EQ(gang.status, sweeps::Status::done);
    ASSERT_EQ(gang.curve.size(), alone.curve.size());
    for (std::size_t i = 0; i < gang.curve.size(); ++i) EXPECT_NEAR(gang.curve[i].loss, alone.curve[i].loss, 1e-3 * alone.curve[i].loss);
    EXPECT_NE(gang.loss, alone.loss) << "another order of sums, so other bits: the comparison above compares two things";
  }
}

// Nothing is trained: the evaluation alone, batch by batch at different replicas, must be that of one trainer to the last bit.
TEST(Gang, EvaluatesToTheBitsOfOneTrainer) {
  const auto cell_with = [](int replicas) {
    return mqar_cell("mamba", "init = \"construction\"\nd = 7\nN = 3\ninit_noise = 0.5", "replicas = " + std::to_string(replicas) + "\n[eval]\neval_examples = 500\nT = [20, 30]");
  };
  const auto alone = run(cell_with(1));
  ASSERT_EQ(alone.status, sweeps::Status::done) << alone.reason;
  EXPECT_GT(alone.loss, 0);
  for (const int replicas : {2, 3, 6}) expect_same_bits(run(cell_with(replicas)), alone);
}

TEST(Gang, EvaluatesRealValuedTasksToTheBitsOfOneTrainer) {
  const auto cell = [](int replicas) {
    return mqar_cell("mamba", "", "steps = 1\nlearning_rate = 0\nreplicas = " + std::to_string(replicas) + "\n[eval]\neval_examples = 300", 0, "name = \"linear_functional\"\nT = 9\n");
  };
  const auto alone = run(cell(1));
  for (const int replicas : {2, 3}) {
    const auto gang = run(cell(replicas));
    EXPECT_EQ(gang.accuracy, alone.accuracy);
    EXPECT_EQ(gang.loss, alone.loss);
  }
}

TEST(Gang, DrawsTheSequencesOfOneTrainerEachByOneReplica) {
  for (const std::string train : {"steps = 10", "epochs = 5\nexamples = 15"}) {
    const auto cell = mqar_cell("mamba", "", train);
    const TrainSettings settings = train_settings(cell.settings);
    TrainingData whole(cell, settings);
    for (const int count : {1, 2, 4, 6}) {
      std::vector<TrainingData> parts;
      for (int r = 0; r < count; ++r) parts.emplace_back(cell, settings, Share{r, count});
      for (std::int64_t step = 1; step <= 10; ++step) {
        tasks::Batch all, part;
        whole.draw(step, all);
        std::vector<std::int32_t> tokens;
        std::int64_t most = 0;
        for (auto& data : parts) {
          data.draw(step, part);
          tokens.insert(tokens.end(), part.tokens.begin(), part.tokens.end());
          most = std::max<std::int64_t>(most, part.sequences);
          EXPECT_EQ(data.sequences(step), all.sequences);
        }
        EXPECT_EQ(tokens, all.tokens);
        EXPECT_LE(most, Share({0, count}).most(all.sequences));
      }
    }
  }
}

TEST(Gang, DivergesTogether) {
  const auto cell = mqar_cell("mamba", "", "steps = 50\nlearning_rate = 100\nclip = 0\noptimizer = \"sgd\"\nschedule = \"constant\"\nreplicas = 3");
  const auto result = run(cell), again = run(cell);
  EXPECT_EQ(result.status, sweeps::Status::diverged);
  expect_same_bits(result, again);
}

TEST(Gang, StopsTogetherWhenAsked) {
  const auto cell = mqar_cell("mamba", "", "steps = 100000\nreplicas = 3");
  const auto result = run(cell, [](const Progress& progress) { return progress.step < 5; });
  EXPECT_EQ(result.status, sweeps::Status::pending);
}

// All members return the same results, whoever they are: what the journal keeps does not depend on who leads.
TEST(Gang, AllMembersHaveTheSameResult) {
  const auto cell = mqar_cell("mamba2", "", "steps = 20\nreplicas = 3\n[eval]\neval_examples = 200");
  const auto replicas = gang_of(3);
  std::vector<sweeps::CellResult> results(3);
  together(3, [&](int r) {
    const auto i = static_cast<std::size_t>(r);
    results[i] = run_pack(std::span(&cell, 1), {cpu_kinds().back()}, {}, {}, replicas[i].get()).front();
  });
  expect_same_bits(results[0], results[1]);
  expect_same_bits(results[0], results[2]);
  expect_same_bits(results[0], run(cell));
}

TEST(Gang, IsNeverPackedWithOthers) {
  EXPECT_NE(pack_shape(mqar_cell("mamba", "", "steps = 10\nreplicas = 2")), pack_shape(mqar_cell("mamba", "", "steps = 10")));
}

TEST(Gang, NeedsASequenceOfEveryBatchForEachReplica) {
  const std::string text = "[sweep]\nname = \"test\"\n[task]\n" + kMqar + "[axes]\nreplicas = [2, 7]\n[model]\nvariant = \"mamba\"\nd = 4\n[train]\nbatch = 6\nsteps = 1\n";
  const auto grid = sweeps::Grid::parse(text, "test.toml", make_schema());
  EXPECT_FALSE(grid.infeasible(0));
  EXPECT_THAT(grid.infeasible(1).value_or(""), testing::HasSubstr("replicas <= batch, but replicas = 7 and batch = 6"));
}

}  // namespace
}  // namespace phasegrid::worker::test
