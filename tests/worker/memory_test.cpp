// What plan says a cell needs, against what it takes: each pack is trained in a process of its own, which compares its highest resident
// memory with what was resident before.
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "tests/worker/support.hpp"

namespace phasegrid::worker {
namespace {

double megabytes(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (double kilobytes = 0; word == key && status >> kilobytes) return kilobytes / 1024;
  return 0;
}

// Highest resident memory that training the cells adds; 0 if this kernel cannot say.
double measured(const std::vector<sweeps::CellSpec>& cells) {
  int ends[2];
  if (pipe(ends) != 0) return 0;
  const pid_t child = fork();
  if (child == 0) {
    std::ofstream("/proc/self/clear_refs") << 5 << std::flush;   // the highest is now what there is
    const double before = megabytes("VmRSS:"), reset = megabytes("VmHWM:");
    run_pack(cells, {cpu_kinds().back()});
    const double added = reset > before + 1 ? 0 : megabytes("VmHWM:") - before;
    _exit(write(ends[1], &added, sizeof added) == sizeof added ? 0 : 1);
  }
  double added = 0;
  close(ends[1]);
  if (read(ends[0], &added, sizeof added) != sizeof added) added = 0;
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  return added;
}

struct Setting {
  const char *name, *model, *states, *task;
  int models;
};
const Setting kSettings[] = {
    {"one_layer", "d = 128\nconv = 4\nexpand = 2", "N = 16\n", "T = 256\npairs = 16\nvocab = 256\nfiller = \"zero\"\n", 1},
    {"random_filler", "d = 64\nconv = 4\nexpand = 2", "N = 16\n", "T = 256\npairs = 16\nvocab = 256\nfiller = \"random\"\n", 1},
    {"wide", "d = 256\nexpand = 2", "N = 64\n", "T = 64\npairs = 4\nvocab = 256\nfiller = \"zero\"\n", 1},
    {"three_layers", "d = 32\nlayers = 3\nresidual = true\nnorm = \"rms\"\nexpand = 2", "N = 16\n", "T = 64\npairs = 4\nvocab = 256\nfiller = \"random\"\n", 1},
    {"pack", "d = 64\nexpand = 2", "N = 16\n", "T = 64\npairs = 4\nvocab = 256\nfiller = \"random\"\n", 4},
};

class Memory : public testing::TestWithParam<std::tuple<std::string, Setting>> {};

TEST_P(Memory, IsWithinAFifthOfWhatThePlanSays) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer's own memory is in the way";
#endif
  const auto& [variant, setting] = GetParam();
  const auto& keys = find_variant(variant)->keys;
  const bool reads_N = std::find(keys.begin(), keys.end(), "N") != keys.end();
  const std::string text = "[sweep]\nname = \"memory\"\nseeds = " + std::to_string(setting.models) + "\n[task]\nname = \"mqar\"\n" + setting.task +
                           "[model]\nvariant = \"" + variant + "\"\n" + (reads_N ? setting.states : "") + setting.model +
                           "\n[train]\nbatch = 64\nsteps = 2\n[eval]\nevery = 2\neval_examples = 128\n";
  const sweeps::Grid grid = sweeps::Grid::parse(text, "memory.toml", make_schema());
  std::vector<sweeps::CellSpec> cells;
  for (int seed = 0; seed < setting.models; ++seed) cells.push_back(grid.cell(static_cast<std::uint64_t>(seed)));
  const double said = setting.models * static_cast<double>(cell_cost(cells.front().settings).bytes) / (1 << 20), took = measured(cells);
  if (took == 0) GTEST_SKIP() << "this system does not tell the highest resident memory of a process";
  EXPECT_NEAR(said, took, 0.2 * took) << "MiB";
}

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const VariantEntry& variant : all_variants()) all.push_back(variant.name);
  return all;
}
INSTANTIATE_TEST_SUITE_P(EveryVariant, Memory, testing::Combine(testing::ValuesIn(names()), testing::ValuesIn(kSettings)),
                         [](const auto& info) { return std::get<0>(info.param) + "_" + std::get<1>(info.param).name; });

}  // namespace
}  // namespace phasegrid::worker
