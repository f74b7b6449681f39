#include "worker/row_counts.hpp"

#include <algorithm>
#include <functional>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "worker/layout.hpp"
#include "worker/schema.hpp"
#include "worker/training.hpp"

namespace phasegrid::worker {
namespace {

using sweeps::Settings;

constexpr std::int64_t kMostSampled = 1 << 12;    // positions
constexpr std::uint64_t kSampleKey = 0x706c616e;  // any fixed data will do

struct Hash {
  std::size_t operator()(const std::vector<sweeps::Value>& values) const {
    std::size_t h = 0;
    for (const auto& value : values) h = (h ^ std::hash<sweeps::Value>{}(value)) * 0x9E3779B97F4A7C15ull, h ^= h >> 29;
    return h;
  }
};

// The places of the keys that the counts depend on. Schemas live as long as the program (worker/schema.hpp).
const std::vector<int>& keys_of(const Settings& settings) {
  thread_local std::unordered_map<std::string, std::vector<int>> known;
  thread_local const sweeps::Schema* schema = nullptr;
  if (schema != &settings.schema()) known.clear(), schema = &settings.schema();
  std::vector<int>& keys = known[settings.word("task")];
  if (keys.empty()) {
    for (const char* name : {"task", "conv", "positional", "reorder", "layers", "batch"}) keys.push_back(schema->find(name));
    for (const auto& option : tasks::find_task(settings.word("task"))->options)
      keys.push_back(schema->find(option.name));
  }
  return keys;
}

LayerCounts counts_of(const LayerMaps& maps, int taps, double scale) {
  LayerCounts counts;
  counts.rows = scale * maps.rows;
  counts.windows = scale * static_cast<double>(maps.window.size()) / taps;
  counts.steps = scale * static_cast<double>(maps.steps.size());
  counts.outputs = scale * static_cast<double>(maps.output_row.size());
  counts.gates = scale * static_cast<double>(maps.gate_input.size());
  counts.shared = maps.shared;
  return counts;
}

}  // namespace

RowCounts count_rows(const Settings& settings, bool score_all) {
  const auto task = make_task(settings);
  RowCounts counts{.vocab = task->vocab(),
                   .T = task->T(),
                   .most_scored = task->most_scored(),
                   .channels = task->channels(),
                   .outputs = task->outputs(),
                   .noisy = task->embedding_noise() > 0,
                   .scored = 0,
                   .first = {},
                   .inner = {},
                   .last = {}};
  const double batch_size = settings.real("batch");
  const int sampled = static_cast<int>(std::clamp<std::int64_t>(kMostSampled / counts.T, 1, settings.integer("batch")));
  const int taps = static_cast<int>(std::max<std::int64_t>(1, settings.integer("conv")));
  const bool positional = settings.word("positional") != "none" || (reads(settings, "reorder") && settings.word("reorder") != "none");
  tasks::Batch batch;
  tasks::draw_batch(*task, kSampleKey, tasks::Stream::sample, 0, sampled, batch);
  if (score_all) tasks::score_every_position(batch), counts.most_scored = counts.T;
  Layout layout(1, {.sequences = sampled,
                    .T = counts.T,
                    .vocab = counts.vocab,
                    .taps = taps,
                    .layers = settings.integer("layers") > 1 ? 3 : 1,
                    .most_scored = counts.most_scored,
                    .positional = positional,
                    .positions_table = counts.T,
                    .channels = counts.channels,
                    .noisy = counts.noisy});
  layout.set(0, batch);
  const double scale = batch_size / sampled;
  counts.scored = scale * static_cast<double>(batch.position.size());
  counts.first = counts_of(layout.layer_maps(0, 0), taps, scale);
  const bool apart = layout.shape().apart();
  const double most_rows = apart ? counts.first.rows : static_cast<double>(counts.vocab) * (positional ? counts.T : 1);
  counts.first.rows = std::min(counts.first.rows, most_rows),
  counts.first.gates = std::min(counts.first.gates, most_rows);
  const int last = layout.shape().layers - 1;
  counts.inner = counts_of(layout.layer_maps(std::min(1, last), 0), taps, scale);
  counts.last = counts_of(layout.layer_maps(last, 0), taps, scale);
  if (last == 0) counts.last = counts.first;
  return counts;
}

const RowCounts& row_counts(const Settings& settings) {
  static std::mutex mutex;
  static std::unordered_map<std::vector<sweeps::Value>, RowCounts, Hash> known;
  thread_local std::vector<sweeps::Value> values;
  values.clear();
  for (const int key : keys_of(settings)) {
    const sweeps::Key& each = settings.schema().keys[key];
    const sweeps::DataFile* file = each.kind == sweeps::Kind::file ? settings.data(each.name) : nullptr;
    values.push_back(file ? sweeps::Value{file->file + " " + file->content} : settings.at(key));
  }
  const std::lock_guard lock(mutex);
  const auto found = known.find(values);
  return found != known.end() ? found->second : known.emplace(values, count_rows(settings, false)).first->second;
}

}  // namespace phasegrid::worker
