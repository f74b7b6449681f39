#include "worker/device/batches.hpp"

#include <algorithm>

namespace phasegrid::worker {

namespace {
constexpr int kMostCells = 1 << 14;   // of a sequence's working memory: 64 KiB for each of a pack's sequences
}

std::optional<std::vector<tasks::Recipe>> recipes_of(std::span<const tasks::Task* const> tasks) {
  std::vector<tasks::Recipe> recipes;
  for (const tasks::Task* task : tasks) {
    if (!task) task = *std::find_if(tasks.begin(), tasks.end(), [](const tasks::Task* t) { return t; });
    if (!task->recipe(recipes.emplace_back()) || recipes.back().cells() > kMostCells) return std::nullopt;
  }
  return recipes;
}

DeviceBatches::DeviceBatches(kernels::Memory& memory, const Layout& layout, std::vector<tasks::Recipe> recipes) : memory_(memory) {
  const LayoutShape& shape = layout.shape();
  const int M = static_cast<int>(recipes.size());
  int cells = 0;
  for (tasks::Recipe& recipe : recipes) {
    cells = std::max(cells, recipe.cells());
    if (tasks::UrnTable* urn = recipe.urn()) {
      std::uint32_t* sums = memory.allocate_array<std::uint32_t>(urn->cells());
      memory.set(sums, urn->sums, urn->cells() * sizeof *sums);
      urn->sums = sums;
    }
    here_.push_back({.recipe = recipe, .key = 0, .stream = 0, .batch = shape.sequences, .begin = 0, .end = 0, .scored = 0});
  }
  tasks::DrawnTables drawn{nullptr, nullptr, nullptr, M, shape.sequences, shape.T, cells};
  const auto positions = static_cast<std::size_t>(M) * static_cast<std::size_t>(shape.positions());
  drawn.tokens = memory.allocate_array<std::int32_t>(positions), drawn.targets = memory.allocate_array<std::int32_t>(positions);
  drawn.zeros = memory.allocate_array<std::uint32_t>(static_cast<std::size_t>(tasks::drawn_cells(drawn)));

  kernels::Mirror& mirror = *memory.mirror();
  std::vector<LayerPlaces> layers;
  for (int layer = 0; layer < shape.layers; ++layer) {
    const Layout::Pointers& maps = layout.maps(layer);
    const auto map = [&](const std::vector<const std::int32_t*>& host) { return mirror.there(kernels::Index{host.data()}); };
    layers.push_back({mirror.there(layout.rows(layer)), mirror.there(layout.windows(layer)), mirror.there(layout.outputs(layer)), mirror.there(layout.gates(layer)),
                      map(maps.window), map(maps.window_input), map(maps.output_row), map(maps.output_input), map(maps.output_window), map(maps.gate_input),
                      map(maps.output_gate), map(maps.every_row), mirror.there(layout.walks(layer)), mirror.there(layout.every_walk(layer))});
  }
  LayerPlaces* layers_there = memory.allocate_array<LayerPlaces>(layers.size());
  memory.set(layers_there, layers.data(), layers.size() * sizeof layers[0]);
  tasks::Draws* draws = memory.allocate_array<tasks::Draws>(here_.size());
  job_ = {.draws = draws, .drawn = drawn, .layers = layers_there,
          .token = mirror.there(layout.token()), .position = mirror.there(layout.position()), .label = mirror.there(layout.label()),
          .vocab = shape.vocab, .taps = shape.taps, .layer_count = shape.layers, .first_rows = shape.first_rows(),
          .shared_windows = shape.shares_windows(), .reordered = shape.reordered};
  mirror.settle();
}

void DeviceBatches::set(std::span<const Range> models) {
  for (std::size_t m = 0; m < here_.size(); ++m) {
    tasks::Draws& d = here_[m];
    d.key = models[m].key, d.stream = static_cast<std::uint32_t>(models[m].stream), d.begin = models[m].begin, d.end = models[m].end;
  }
  memory_.set(job_.draws, here_.data(), here_.size() * sizeof here_[0]);
}

void DeviceBatches::make() {
  tasks::draw_on_device(job_.draws, job_.drawn);
  lay_out_on_device(job_);
  memory_.mirror()->invert();
}

std::vector<std::int64_t> DeviceBatches::scored() {
  std::vector<tasks::Draws> now(here_.size());
  memory_.get(now.data(), job_.draws, now.size() * sizeof now[0]);
  std::vector<std::int64_t> scored;
  for (const tasks::Draws& d : now) scored.push_back(d.scored);
  return scored;
}

}  // namespace phasegrid::worker
