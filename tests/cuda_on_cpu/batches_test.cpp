// Batches that the device draws and lays out itself: every count, map, walk and inverse is the number that the host's layout and
// its upload would have put there.
#include "worker/device/batches.hpp"

#include <gtest/gtest.h>

#include <ostream>

#include "kernels/device/backend.hpp"
#include "sweeps/grid.hpp"
#include "tests/cuda_on_cpu/cuda_on_cpu.hpp"
#include "worker/schema.hpp"
#include "worker/training.hpp"

namespace phasegrid::worker::test {
namespace {

using kernels::Count;
using kernels::Index;
using kernels::Walk;

using Contents = std::map<std::string, std::vector<std::int32_t>>;

// A layout with everything of it mirrored, as the operations of a network would ask for it.
class Mirrored {
 public:
  Mirrored(int models, const LayoutShape& shape)
      : layout(models, shape), memory(kernels::cuda_memory(models)), M_(models) {
    const std::int64_t P = shape.positions();
    for (int layer = 0; layer < shape.layers; ++layer) {
      const std::int64_t rows = shape.input_rows(layer), outputs = shape.outputs(layer);
      const Count R = layout.rows(layer), W = layout.windows(layer), O = layout.outputs(layer), G = layout.gates(layer);
      const auto& maps = layout.maps(layer);
      const std::string name = "layer " + std::to_string(layer) + " ";
      map(name + "window", maps.window, W, P, shape.taps, {R, rows});
      map(name + "output_window", maps.output_window, O, outputs, shape.taps, {R, rows});
      map(name + "window_input", maps.window_input, W, P, 1, {R, rows});
      map(name + "output_row", maps.output_row, O, outputs, 1, {W, P});
      map(name + "output_row of all", maps.output_row, O, outputs, 1, {{}, P});
      map(name + "output_input", maps.output_input, O, outputs, 1, {R, rows});
      map(name + "gate_input", maps.gate_input, G, outputs, 1, {R, rows});
      map(name + "output_gate", maps.output_gate, O, outputs, 1, {G, outputs});
      walk(name + "walks", layout.walks(layer), shape.sequences, P);
      if (shape.reordered) {
        map(name + "every_row", maps.every_row, W, P, 1, {W, P});
        walk(name + "every_walk", layout.every_walk(layer), shape.sequences, P);
      }
      if (layer == 0) {
        map("token", layout.token(), R, rows, 1, {{}, shape.vocab});
        map("position", layout.position(), R, rows, 1, {{}, shape.T});
      }
      if (layer + 1 == shape.layers) map("label", layout.label(), O, outputs, 1, {});
    }
  }

  // Of every model, on the device.
  Contents contents() {
    Contents all;
    for (const Map& map : maps_) {
      const std::vector<std::int32_t> rows = get(map.rows, M_);
      const auto table = get(map.on_device, (map.targets.most > 0 ? 3 : 1) * M_);
      for (int m = 0; m < M_; ++m) {
        const std::string of = map.name + " of model " + std::to_string(m);
        all[of] = get(table[m], rows[m] * map.each);
        if (map.targets.most == 0) continue;
        const std::int32_t targets = map.targets.count.data ? get(map.targets.count.data, M_)[m] : static_cast<std::int32_t>(map.targets.most);
        all[of + ", starts"] = get(table[M_ + m], targets + 1);
        all[of + ", entries"] = get(table[2 * M_ + m], all[of + ", starts"].back());
      }
    }
    for (const auto& [name, walks] : walks_) {
      const std::vector<Walk> here = get(walks, M_);
      for (int m = 0; m < M_; ++m) {
        const Walk& walk = here[m];
        const std::string of = name + " of model " + std::to_string(m);
        all[of] = {walk.sequences, walk.shared};
        for (const auto& [what, from] : {std::pair{", first_row", walk.first_row}, {", first_step", walk.first_step}, {", first_output", walk.first_output}})
          all[of + what] = get(from, walk.sequences + 1);
        for (const kernels::ScanStep& step : get(walk.steps, all[of + ", first_step"].back()))
          for (const std::int32_t n : {step.row, step.output, step.log2_repeats}) all[of + ", steps"].push_back(n);
      }
    }
    return all;
  }

  Layout layout;
  std::unique_ptr<kernels::Memory> memory;

 private:
  struct Map {
    std::string name;
    const std::int32_t* const* on_device;
    const std::int32_t* rows;
    int each;
    kernels::Mirror::Targets targets;
  };
  void map(const std::string& name, const std::vector<const std::int32_t*>& host, Count rows, std::int64_t most, int each, kernels::Mirror::Targets targets) {
    map(name, Index{host.data()}, rows, most, each, targets);
  }
  void map(const std::string& name, Index index, Count rows, std::int64_t most, int each, kernels::Mirror::Targets targets) {
    kernels::Mirror& mirror = *memory->mirror();
    mirror.map(index, rows, most, each, targets);
    mirror.counts(rows);
    if (targets.count.data) mirror.counts(targets.count);
    maps_.push_back({name, index.data, rows.data, each, targets});
  }
  void walk(const std::string& name, const Walk* walks, std::int64_t sequences, std::int64_t steps) {
    memory->mirror()->walks(walks, sequences, steps);
    walks_.push_back({name, walks});
  }
  template <class T>
  std::vector<T> get(const T* from, std::int64_t n) {
    std::vector<T> values(static_cast<std::size_t>(n));
    if (n > 0) memory->get(values.data(), from, values.size() * sizeof(T));
    return values;
  }

  int M_;
  std::vector<Map> maps_;
  std::vector<std::pair<std::string, const Walk*>> walks_;
};

struct Setting {
  const char* name;
  std::vector<std::string> tasks;   // one for each model
  int sequences = 6;
  bool positional = false, reordered = false;
};
void PrintTo(const Setting& s, std::ostream* to) { *to << s.name; }

std::unique_ptr<tasks::Task> task_of(const std::string& lines) {
  const std::string text = "[sweep]\nname = \"test\"\n[task]\n" + lines + "[axes]\nvariant = [\"mamba\"]\n[model]\nd = 4\nN = 4\n[train]\nsteps = 1\n";
  return make_task(sweeps::Grid::parse(text, "test.toml", make_schema()).cell(0).settings);
}

const std::string kMqar = "name = \"mqar\"\nvocab = 20\n", kHeads = "name = \"induction_heads\"\nvocab = 9\nT = 40\n";
const std::string kLong = kMqar + "T = 200\nkappa = 4\nnu = 9\n", kRandom = kMqar + "T = 64\nfiller = \"random\"\n";

std::vector<Setting> settings() {
  return {
      {"mqar", {kMqar + "T = 64\nkappa = 4\nnu = 5\n", kMqar + "T = 64\nkappa = 9\nnu = 10\npairs = 6\n", kMqar + "T = 64\nkappa = 3\nnu = 16\npower_a = 1\n"}},
      {"mqar_in_long_runs", {kLong, kLong}, 5},
      {"mqar_with_random_filler", {kRandom + "kappa = 4\nnu = 5\n", kRandom + "kappa = 8\nnu = 8\n"}, 9},
      {"mqar_with_overwrites", {kMqar + "T = 64\nkappa = 6\nnu = 4\npairs = 4\noverwrites = 3\ndistinct_values = false\n"}, 4},
      {"mqar_in_one_sequence", {kMqar + "T = 64\nkappa = 4\nnu = 5\n"}, 1},
      {"mqar_in_many_sequences", {kMqar + "T = 32\nkappa = 4\nnu = 5\n"}, 70},
      {"mqar_with_noise", {kRandom + "kappa = 4\nnu = 5\ntoken_noise = 0.3\n", kRandom + "kappa = 4\nnu = 5\n"}, 7},
      {"keep_nth", {"name = \"keep_nth\"\nn = 3\nvocab = 5\nT = 17\n", "name = \"keep_nth\"\nn = 17\nvocab = 5\nT = 17\n"}, 33},
      {"keep_nth_of_bits", {"name = \"keep_nth\"\nn = 30\nvocab = 2\nT = 90\n"}, 6},   // more windows are crowded than can be shared
      {"induction_heads", {kHeads, kHeads + "form = \"recency\"\ngap = 7\n"}, 6},
      {"single_triggers", {kHeads + "form = \"easy\"\n", kHeads + "form = \"hard\"\n"}, 8},
      {"pairs_with_positions", {kMqar + "T = 64\nkappa = 4\nnu = 5\n"}, 6, true},
      {"reordered_sequences", {kRandom + "kappa = 4\nnu = 5\n"}, 6, true, true},
  };
}

class DeviceLayout : public testing::TestWithParam<Setting> {};
INSTANTIATE_TEST_SUITE_P(Settings, DeviceLayout, testing::ValuesIn(settings()), [](const auto& info) { return std::string(info.param.name); });

// Batches one after the other: the first model ends in the middle of the second, the last rests; the graph only advances.
void compare(const Setting& setting, int taps, int layers) {
  std::vector<std::unique_ptr<tasks::Task>> owned;
  std::vector<const tasks::Task*> tasks;
  for (const std::string& lines : setting.tasks) tasks.push_back(owned.emplace_back(task_of(lines)).get());
  tasks.push_back(nullptr);
  LayoutShape shape{.sequences = setting.sequences, .T = tasks[0]->T(), .taps = taps, .layers = layers, .positional = setting.positional, .reordered = setting.reordered};
  for (const auto& task : owned) shape.vocab = std::max(shape.vocab, task->vocab()), shape.most_scored = std::max(shape.most_scored, task->most_scored());
  const int M = static_cast<int>(tasks.size());
  Mirrored host(M, shape), device(M, shape);
  auto recipes = recipes_of(tasks);
  ASSERT_TRUE(recipes);
  DeviceBatches batches(*device.memory, device.layout, std::move(*recipes));
  std::vector<DeviceBatches::Range> ranges(tasks.size());
  for (std::size_t m = 0; m < owned.size(); ++m)
    ranges[m] = {77 + m, tasks::Stream::validation, static_cast<std::int64_t>(1000 * m), m == 0 ? setting.sequences * 3 / 2 : 1'000'000'000'000};
  batches.set(ranges);
  std::vector<std::int64_t> scored(tasks.size());
  for (int step = 0; step < 3; ++step) {
    tasks::Batch batch;
    for (std::size_t m = 0; m < owned.size(); ++m) {
      const std::int64_t begin = ranges[m].begin + step * setting.sequences, count = std::clamp<std::int64_t>(ranges[m].end - begin, 0, setting.sequences);
      tasks::draw_batch(*tasks[m], ranges[m].key, ranges[m].stream, static_cast<std::uint64_t>(begin), static_cast<int>(count), batch);
      host.layout.set(static_cast<int>(m), batch);
      scored[m] += host.layout.scored(static_cast<int>(m));
    }
    host.memory->upload();
    batches.make();
    const Contents expected = host.contents(), found = device.contents();
    for (const auto& [name, numbers] : expected) ASSERT_EQ(found.at(name), numbers) << name << ", batch " << step;
  }
  EXPECT_EQ(batches.scored(), scored);
}

TEST_P(DeviceLayout, IsThatOfTheHostNumberForNumber) {
  for (const auto& [taps, layers] : {std::pair{1, 1}, {2, 3}, {3, 1}, {4, 2}}) {
    SCOPED_TRACE(testing::Message() << taps << " taps, " << layers << " layers");
    compare(GetParam(), taps, layers);
    if (HasFatalFailure()) return;
  }
}

TEST_P(DeviceLayout, DoesNotDependOnTheOrderOfThreads) {
  for (const auto order : {cuda_on_cpu::Order::reverse, cuda_on_cpu::Order::random}) {
    cuda_on_cpu::order = order;
    compare(GetParam(), 2, 1);
  }
  cuda_on_cpu::order = cuda_on_cpu::Order::forward;
}

TEST(DeviceBatches, AreLeftToTheHostWhereATaskCannotSayHowItDraws) {
  const auto mqar = task_of(kMqar + "T = 64\nkappa = 4\nnu = 5\n"), noisy = task_of(kMqar + "T = 64\nkappa = 4\nnu = 5\nembedding_noise = 0.1\n"),
             hops = task_of("name = \"k_hop\"\n"), huge = task_of("name = \"induction_heads\"\nvocab = 100000\nT = 40\n");
  const auto known = [](std::vector<const tasks::Task*> tasks) { return recipes_of(tasks).has_value(); };
  EXPECT_TRUE(known({mqar.get(), mqar.get()}));
  EXPECT_FALSE(known({mqar.get(), noisy.get()}));
  EXPECT_FALSE(known({hops.get()}));
  EXPECT_FALSE(known({huge.get()}));
}

}  // namespace
}  // namespace phasegrid::worker::test
