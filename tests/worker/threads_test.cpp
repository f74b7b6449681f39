// A cell has the same bits however many threads train it.
#include <atomic>
#include <cmath>
#include <cstring>
#include <thread>

#include "kernels/parallel.hpp"
#include "tests/worker/support.hpp"

namespace phasegrid::worker {
namespace {

using test::Bench;

// Large enough that every operation shares its work.
const std::string kFiller = "name = \"mqar\"\nkappa = 12\nnu = 20\npairs = 4\nT = 48\n", kRandom = kFiller + "filler = \"random\"\n";
const std::string kWide = "d = 33\nexpand = 2\nconv = 3\n", kDeep = kWide + "layers = 2\nnorm = \"rms\"\nresidual = true\n";

struct ThreadsCase {
  std::string variant, name, task, model;
};
void PrintTo(const ThreadsCase& c, std::ostream* out) { *out << c.variant << " " << c.name; }

std::vector<ThreadsCase> cases() {
  std::vector<ThreadsCase> all;
  for (const VariantEntry& variant : all_variants()) {
    const std::string name = variant.name;
    all.push_back({name, "one_layer", kFiller, kWide + "N = 10\n"});
    all.push_back({name, "two_layers", kRandom, kDeep + "N = 10\n"});
    const auto reads = [&](const char* key) { return std::find(variant.keys.begin(), variant.keys.end(), key) != variant.keys.end(); };
    if (reads("gated_norm")) all.push_back({name, "gated_norm", kFiller, kDeep + "gated_norm = true\nheads = 6\ngroups = 3\n"});
    if (reads("reorder")) all.push_back({name, "softsort", kRandom, kDeep + "reorder = \"softsort\"\n"});
    if (reads("s4d_mode")) all.push_back({name, "recurrence", kRandom, kDeep + "N = 4\n"});
  }
  all.push_back({"mamba", "layer_norm", kRandom, kWide + "layers = 2\nnorm = \"layer\"\nresidual = true\npositional = \"learned\"\ntied_embedding = true\n"});
  all.push_back({"mamba", "zoh_no_conv", kFiller, kWide + "discretisation = \"zoh\"\n"});
  return all;
}

class EveryVariant : public testing::TestWithParam<ThreadsCase> {};
INSTANTIATE_TEST_SUITE_P(Threads, EveryVariant, testing::ValuesIn(cases()),
                         [](const auto& info) { return info.param.variant + "_" + info.param.name; });

// What helpers find in their scratch memory is no number.
void spoil_scratch() {
  constexpr std::int64_t kNumbers = 1 << 20;
  std::vector<float> own(kNumbers);
  std::atomic<int> begun{0};
  const int threads = kernels::pool_threads();
  kernels::parallel(threads, own.data(), kNumbers, [&](int, float* scratch) {
    std::fill(scratch, scratch + kNumbers, std::nanf(""));
    for (++begun; begun < threads;) std::this_thread::yield();
  });
}

template <class Real>
void expect_same_bits(const ThreadsCase& param, const std::string& kind) {
  Bench<Real> bench(test::mqar_cell(param.variant, param.model, "batch = 12", 0, param.task), kind);
  const auto bytes = static_cast<std::size_t>(bench.parameters.size()) * sizeof(Real);
  const double loss = bench.gradients();
  ASSERT_TRUE(std::isfinite(loss));
  const std::vector<Real> grads(bench.grads, bench.grads + bench.parameters.size());
  for (const int threads : {2, 3}) {
    kernels::Pool pool(threads);
    const kernels::UsePool use(pool);
    spoil_scratch();
    EXPECT_EQ(bench.gradients(), loss) << kind << ", " << threads << " threads";
    EXPECT_EQ(std::memcmp(bench.grads, grads.data(), bytes), 0) << kind << ", " << threads << " threads";
  }
}

TEST_P(EveryVariant, HasTheSameGradientsWhateverTheThreads) {
  for (const std::string& kind : cpu_kinds()) expect_same_bits<float>(GetParam(), kind), expect_same_bits<double>(GetParam(), kind);
}

// Training, optimiser, evaluation and test through the front door.
TEST_P(EveryVariant, HasTheSameResultsWhateverTheThreads) {
  const sweeps::CellSpec cell = test::mqar_cell(GetParam().variant, GetParam().model, "batch = 12\nsteps = 3\nclip = 0.5\n[eval]\nevery = 2\neval_examples = 80", 0, GetParam().task);
  for (const std::string& kind : cpu_kinds()) {
    const auto alone = run_pack(std::span(&cell, 1), {kind, 1}).front();
    EXPECT_EQ(alone.status, sweeps::Status::done) << alone.reason;
    for (const int threads : {2, 3}) {
      const auto together = run_pack(std::span(&cell, 1), {kind, threads}).front();
      EXPECT_EQ(alone.loss, together.loss) << kind << ", " << threads << " threads";
      EXPECT_EQ(alone.accuracy, together.accuracy);
      ASSERT_EQ(alone.curve.size(), together.curve.size());
      for (std::size_t i = 0; i < alone.curve.size(); ++i) {
        EXPECT_EQ(alone.curve[i].loss, together.curve[i].loss);
        EXPECT_EQ(alone.curve[i].train_loss, together.curve[i].train_loss);
      }
    }
  }
}

}  // namespace
}  // namespace phasegrid::worker
