// Whole networks on the device through the worker's tape: ten training steps of a small pack against the CPU, and the same bits
// packed or alone.
#include <gtest/gtest.h>

#include <set>

#include "kernels/device/backend.hpp"
#include "kernels/device/kinds.hpp"
#include "kernels/memory.hpp"
#include "tests/cuda_on_cpu/cuda_on_cpu.hpp"
#include "tests/worker/support.hpp"

namespace phasegrid::worker::test {
namespace {

constexpr int kSteps = 10;

// Cells that train together on one device for a few steps; learning rates and seeds of their own.
class Training {
 public:
  Training(const std::vector<sweeps::CellSpec>& cells, const std::string& kind)
      : M_(cells.size()), memory_(kernels::memory(kind, static_cast<int>(M_))) {
    for (const sweeps::CellSpec& cell : cells)
      settings_.push_back(train_settings(cell.settings)), data_.emplace_back(cell, settings_.back());
    const tasks::Task& task = data_.front().task();
    const ModelSettings model = model_settings(cells.front().settings, task);
    parameters_ = describe_parameters(model), segments_ = parameters_.segments(),
    size_ = static_cast<std::size_t>(parameters_.size());
    for (float** buffer : {&w_, &g_, &m_, &v_}) *buffer = memory_->allocate_array<float>(M_ * size_);
    std::vector<float> start(size_);
    for (std::size_t m = 0; m < M_; ++m) {
      parameters_.initialise(start.data(), weights_key(cells[m]));
      memory_->set(w_ + m * size_, start.data(), size_ * sizeof(float));
    }
    network_ = std::make_unique<Network<float>>(
        model, layout_shape(model, settings_[0].batch, task.T(), task.most_scored(), task.T()), static_cast<int>(M_),
        kind, w_, g_);
  }
  // The device draws the batches from now on.
  void draw_there() {
    std::vector<const tasks::Task*> tasks;
    std::vector<DeviceBatches::Range> ranges;
    for (const TrainingData& data : data_)
      tasks.push_back(&data.task()), ranges.push_back({data.key(), tasks::Stream::train, 0, 1'000'000});
    ASSERT_TRUE(network_->draw_there(tasks));
    network_->batches()->set(ranges);
  }
  // Losses of the cells before each step.
  std::vector<std::vector<double>> run(int steps = kSteps) {
    std::vector<std::vector<double>> losses(M_);
    tasks::Batch batch;
    for (std::int64_t step = 1; step <= steps; ++step) {
      if (DeviceBatches* batches = network_->batches()) batches->make();
      else
        for (std::size_t m = 0; m < M_; ++m) data_[m].draw(step, batch), network_->set(static_cast<int>(m), batch);
      network_->forward();
      memory_->zero(g_, M_ * size_ * sizeof(float));
      network_->backward();
      std::vector<kernels::Update<float>> updates;
      for (std::size_t m = 0; m < M_; ++m) {
        const std::size_t at = m * size_;
        updates.push_back({.method = settings_[m].method,
                           .segments = segments_.data(),
                           .count = static_cast<int>(segments_.size()),
                           .w = w_ + at,
                           .g = g_ + at,
                           .m = m_ + at,
                           .v = v_ + at,
                           .size = static_cast<std::int64_t>(size_),
                           .step = step,
                           .learning_rate = settings_[m].rate_at(step),
                           .weight_decay = settings_[m].weight_decay,
                           .clip = settings_[m].clip});
        losses[m].push_back(network_->loss(static_cast<int>(m)));
      }
      memory_->update(updates);
    }
    return losses;
  }
  std::vector<float> weights(std::size_t m) {
    std::vector<float> w(size_);
    memory_->get(w.data(), w_ + m * size_, size_ * sizeof(float));
    return w;
  }

 private:
  std::size_t M_, size_ = 0;
  std::unique_ptr<kernels::Memory> memory_;
  std::vector<TrainSettings> settings_;
  std::vector<TrainingData> data_;
  ParameterSet parameters_;
  std::vector<kernels::Segment> segments_;
  float *w_, *g_, *m_, *v_;
  std::unique_ptr<Network<float>> network_;
};

std::vector<sweeps::CellSpec> pack_of(const std::string& variant, const Switch& change) {
  std::vector<sweeps::CellSpec> cells;
  for (int i = 0; i < 3; ++i)
    cells.push_back(mqar_cell(variant, change.lines,
                              "steps = 10\nschedule = \"constant\"\nclip = " + std::to_string(i) +
                                  "\nlearning_rate = 0.00" + std::to_string(i + 1),
                              i, change.task));
  return cells;
}

const std::string& device() {
  static const std::string kind = kernels::cuda_kinds().at(0);
  return kind;
}

// Every switch of `mamba`, and of the other variants those that it does not have, in one layer and in three. S4's dense state stays
// on the CPU.
class CudaNetwork : public testing::TestWithParam<Case> {};
std::vector<Case> cases() {
  const auto reads = [](const char* variant, const char* key) {
    const auto& keys = find_variant(variant)->keys;
    return std::find(keys.begin(), keys.end(), key) != keys.end();
  };
  std::vector<Case> chosen;
  for (const Case& c : all_cases()) {
    const std::string change = c.change.name;
    const bool own = c.change.key && (!reads("mamba", c.change.key) || change == "zoh" || change == "euler");
    if (c.variant == "s4" || change == "wide_blocks") continue;  // block_test.cpp has wide blocks: slow on fibers
    if (c.variant == "mamba" || own || change == "plain" || change == "three_layers") chosen.push_back(c);
  }
  return chosen;
}
INSTANTIATE_TEST_SUITE_P(Table, CudaNetwork, testing::ValuesIn(cases()), name_of);

// And a cell gets the same bits in its pack and alone.
TEST_P(CudaNetwork, TrainsAsTheCpuDoesPackedOrAlone) {
  const auto cells = pack_of(GetParam().variant, GetParam().change);
  Training here(cells, cpu_kinds().back()), there(cells, device());
  const auto expected = here.run(), found = there.run();
  for (std::size_t m = 0; m < cells.size(); ++m) {
    Training alone({cells[m]}, device());
    EXPECT_EQ(alone.run()[0], found[m]);
    EXPECT_EQ(alone.weights(0), there.weights(m));
    for (std::size_t step = 0; step < kSteps; ++step)
      EXPECT_NEAR(found[m][step], expected[m][step], 1e-4 * expected[m][step])
          << "model " << m << ", step " << step + 1;
  }
}

#if defined(PHASEGRID_REAL_GPU)
constexpr double kFastTolerance = 2e-2;  // of a loss: TF32 rounds the factors of every product to 11 bits
#else
constexpr double kFastTolerance = 1e-4;
#endif

TEST(CudaFastGemm, TrainsAsTheCpuDoesPackedOrAlone) {
  if (!kernels::built_with_cublas()) GTEST_SKIP() << "this program was built without cuBLAS";
  const std::string fast = kernels::fast_kind(device());
  for (const auto& [variant, change] : {std::pair{"mamba", "layers = 2\nconv = 3\nnorm = \"rms\"\nresidual = true"},
                                        {"mamba", "tied_embedding = true"}, {"mamba2", ""}, {"attention", ""}, {"b2s6", ""}}) {
    SCOPED_TRACE(std::string(variant) + " " + change);
    const auto cells = pack_of(variant, {"", change});
    Training here(cells, cpu_kinds().back()), there(cells, fast);
    const auto expected = here.run(), found = there.run();
    for (std::size_t m = 0; m < cells.size(); ++m) {
      Training alone({cells[m]}, fast);
      EXPECT_EQ(alone.run()[0], found[m]);
      EXPECT_EQ(alone.weights(0), there.weights(m));
      for (std::size_t step = 0; step < kSteps; ++step)
        EXPECT_NEAR(found[m][step], expected[m][step], kFastTolerance * expected[m][step])
            << "model " << m << ", step " << step + 1;
    }
  }
}

// What the rows of a network depend on, in one variant, and every other variant.
std::vector<Case> cases_to_draw() {
  const std::set<std::string> of_rows = {"no_conv", "conv_3", "learned", "ssm_time", "softsort", "three_layers"};
  std::vector<Case> chosen;
  for (const Case& c : cases()) {
    const std::string change = c.change.name;
    if (change == "plain" || change == "softsort" || (c.variant == "mamba" && of_rows.contains(change))) chosen.push_back(c);
  }
  return chosen;
}
class CudaDraws : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(Table, CudaDraws, testing::ValuesIn(cases_to_draw()), name_of);

TEST_P(CudaDraws, GiveTheBitsThatBatchesOfTheHostGive) {
  const auto cells = pack_of(GetParam().variant, GetParam().change);
  Training host(cells, device()), drawn(cells, device());
  drawn.draw_there();
  EXPECT_EQ(host.run(4), drawn.run(4));
  for (std::size_t m = 0; m < cells.size(); ++m) EXPECT_EQ(host.weights(m), drawn.weights(m)) << "model " << m;
}

TEST(CudaDevice, SaysWhatItCannotRun) {
  EXPECT_THROW(Training(pack_of("s4", {"plain", ""}), device()), std::runtime_error);
  EXPECT_THROW(kernels::operations<double>(device()), std::invalid_argument);
}

TEST(CudaDevice, RunsOutOfMemoryAsTheHostDoes) {
  const std::size_t limit = cuda_on_cpu::memory_limit;
  cuda_on_cpu::memory_limit = 1 << 20;
  EXPECT_THROW(Training(pack_of("mamba", {"plain", "d = 64"}), device()), std::bad_alloc);
  cuda_on_cpu::memory_limit = limit;
}

}  // namespace
}  // namespace phasegrid::worker::test
