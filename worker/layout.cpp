#include "worker/layout.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace phasegrid::worker {

using kernels::ScanStep;
using tasks::Batch;

namespace {

constexpr std::uint64_t kNoKey = ~0ull;

// Pairs of token and position are looked up in a table; past this size every position has a row of its own.
constexpr std::int64_t kMostPairs = 1 << 22;


}  // namespace

FirstRows LayoutShape::first_rows() const {
  if (apart()) return FirstRows::positions;
  if (!positional) return FirstRows::tokens;
  return static_cast<std::int64_t>(vocab) * T <= kMostPairs ? FirstRows::pairs : FirstRows::positions;
}

// Keys of windows are numbers in base (rows + 1): exact while they fit in 64 bits.
bool LayoutShape::shares_windows() const { return !positional && !apart() && std::pow(static_cast<double>(vocab) + 1, taps) < 1.8e19; }

std::int64_t LayoutShape::input_rows(int layer) const {
  if (layer > 0) return positions();
  return positional || apart() ? positions() : std::min<std::int64_t>(vocab, positions());
}

std::int64_t LayoutShape::outputs(int layer) const {
  return layer + 1 == layers ? static_cast<std::int64_t>(sequences) * most_scored : positions();
}

Layout::Layout(int models, const LayoutShape& shape) : shape_(shape) {
  const auto per_model = [models](auto value) { return std::vector<decltype(value)>(static_cast<std::size_t>(models), value); };
  maps_.assign(shape.layers, std::vector<LayerMaps>(models));
  const std::vector<std::int32_t> zero = per_model(std::int32_t{0});
  counts_.assign(shape.layers, {zero, zero, zero, zero});
  const auto none = per_model(static_cast<const std::int32_t*>(nullptr));
  pointers_.assign(shape.layers, {none, none, none, none, none, none, none, none});
  walks_.assign(shape.layers, std::vector<kernels::Walk>(models)), every_walks_ = walks_;
  walk_time(models);
  tokens_.resize(models), positions_.resize(models), labels_.resize(models);
  token_pointers_ = position_pointers_ = label_pointers_ = none;
  numbers_.resize(models), values_.resize(models);
  number_pointers_ = value_pointers_ = per_model(static_cast<const float*>(nullptr));
  for (int m = 0; m < models; ++m) set(m, Batch{});
}

void Layout::set(int model, const Batch& batch, Desk& desk) {
  desk.length.assign(batch.sequences, 0);
  for (int s = 0; s < batch.sequences; ++s)
    if (batch.first[s + 1] > batch.first[s]) desk.length[s] = shape_.reordered ? batch.T : batch.position[batch.first[s + 1] - 1] + 1;
  labels_[model] = batch.label, values_[model] = batch.values;
  for (int layer = 0; layer < shape_.layers; ++layer) {
    if (layer == 0) first_layer_rows(model, batch, desk);
    find_windows(layer, model, batch, desk);
    find_outputs(layer, model, batch, desk);
  }
  publish(model);
}

void Layout::walk_time(int models) {
  const int n = shape_.positions_table;
  for (int t = 0; t < n; ++t) time_steps_.push_back({t, t, 0}), time_rows_.push_back(t);
  time_ends_ = {0, n};
  time_walks_.assign(models, {1, 0, time_steps_.data(), time_ends_.data(), time_ends_.data(), time_ends_.data()});
  time_pointers_.assign(models, time_rows_.data());
}

// Distinct tokens in the order of their first occurrence, and the row of every position.
void Layout::first_layer_rows(int model, const Batch& batch, Desk& desk) {
  auto &tokens = tokens_[model], &positions = positions_[model];
  tokens.clear(), positions.clear();
  const bool pairs = shape_.first_rows() == FirstRows::pairs, apart = shape_.first_rows() == FirstRows::positions;
  numbers_[model].clear();
  desk.row_of.assign(apart ? 0 : static_cast<std::size_t>(shape_.vocab) * (pairs ? shape_.T : 1), -1);
  desk.row_at.assign(static_cast<std::size_t>(batch.sequences) * batch.T, -1);
  for (int s = 0; s < batch.sequences; ++s)
    for (int t = 0; t < desk.length[s]; ++t) {
      const std::size_t p = static_cast<std::size_t>(s) * batch.T + t;
      const auto number = batch.inputs.begin() + static_cast<std::ptrdiff_t>(p) * shape_.channels;
      numbers_[model].insert(numbers_[model].end(), number, number + shape_.channels);
      const std::int32_t token = shape_.channels > 0 ? 0 : batch.tokens[p];
      std::int32_t fresh = -1;
      std::int32_t& row = apart ? fresh : desk.row_of[pairs ? static_cast<std::size_t>(token) * shape_.T + t : token];
      if (row < 0) {
        row = static_cast<std::int32_t>(tokens.size());
        tokens.push_back(token), positions.push_back(t);
      }
      desk.row_at[p] = row;
    }
  maps_[0][model].rows = static_cast<int>(tokens.size());
}

// Window rows: shared ones first, then one for every other position. Later layers: rows are positions, one after the other.
void Layout::find_windows(int layer, int model, const Batch& batch, Desk& desk) {
  LayerMaps& maps = maps_[layer][model];
  const int K = shape_.taps, T = batch.T;
  maps.window.clear(), maps.shared = 0;
  if (layer > 0) {
    maps.rows = 0;
    for (int s = 0; s < batch.sequences; ++s)
      for (int t = 0; t < desk.length[s]; ++t, ++maps.rows) {
        desk.row_at[static_cast<std::size_t>(s) * T + t] = maps.rows;
        for (int j = 0; j < K; ++j) maps.window.push_back(t >= j ? maps.rows - j : -1);
      }
    desk.window_at = desk.row_at;
    return;
  }
  const auto row_back = [&](int s, int t, int j) { return t >= j ? desk.row_at[static_cast<std::size_t>(s) * T + t - j] : -1; };
  desk.window_at.assign(static_cast<std::size_t>(batch.sequences) * T, -1);
  if (shape_.shares_windows()) {
    const std::int64_t total = std::accumulate(desk.length.begin(), desk.length.end(), std::int64_t{0});
    std::size_t capacity = 1;
    while (capacity < 2 * static_cast<std::size_t>(total) + 2) capacity *= 2;
    desk.hash_key.assign(capacity, kNoKey), desk.hash_count.assign(capacity, 0);
    desk.window_key.assign(desk.window_at.size(), kNoKey);
    std::uint64_t shared_key[kernels::kMostShared];
    for (int s = 0; s < batch.sequences; ++s)
      for (int t = K - 1; t < desk.length[s]; ++t) {
        std::uint64_t key = 0;
        for (int j = 0; j < K; ++j) key = key * (static_cast<std::uint64_t>(maps.rows) + 1) + static_cast<std::uint64_t>(row_back(s, t, j));
        desk.window_key[static_cast<std::size_t>(s) * T + t] = key;
        std::size_t i = (key * 0x9E3779B97F4A7C15ull >> 32) & (capacity - 1);
        while (desk.hash_key[i] != key && desk.hash_key[i] != kNoKey) i = (i + 1) & (capacity - 1);
        desk.hash_key[i] = key;
        if (++desk.hash_count[i] == batch.sequences + 1 && maps.shared < kernels::kMostShared) {
          shared_key[maps.shared++] = key;
          for (int j = 0; j < K; ++j) maps.window.push_back(row_back(s, t, j));
        }
      }
    for (std::size_t p = 0; p < desk.window_at.size(); ++p)
      for (int i = 0; i < maps.shared; ++i)
        if (desk.window_key[p] == shared_key[i]) desk.window_at[p] = i;
  }
  std::int32_t row = maps.shared;
  for (int s = 0; s < batch.sequences; ++s)
    for (int t = 0; t < desk.length[s]; ++t) {
      std::int32_t& window = desk.window_at[static_cast<std::size_t>(s) * T + t];
      if (window >= 0) continue;
      window = row++;
      for (int j = 0; j < K; ++j) maps.window.push_back(row_back(s, t, j));
    }
}

// The walk of every sequence and what is read on it: scored positions in the last layer, every position in the others.
void Layout::find_outputs(int layer, int model, const Batch& batch, Desk& desk) {
  LayerMaps& maps = maps_[layer][model];
  const bool last = layer + 1 == shape_.layers;
  for (auto* map : {&maps.window_input, &maps.output_row, &maps.output_input, &maps.output_window, &maps.gate_input, &maps.output_gate}) map->clear();
  maps.steps.clear();
  for (std::size_t w = 0; w < maps.window.size(); w += shape_.taps) maps.window_input.push_back(maps.window[w]);
  maps.first_step.assign(1, 0), maps.first_output.assign(1, 0), maps.first_row.assign(1, maps.shared);
  std::vector<std::int32_t>& gate_of = desk.row_of;
  gate_of.assign(static_cast<std::size_t>(maps.rows), -1);
  std::int32_t own = maps.shared;
  for (int s = 0; s < batch.sequences; ++s) {
    std::int32_t run = -1, run_length = 0;
    const auto end_run = [&] {
      for (std::int32_t p = kernels::kPowers - 1; run_length > 0;)
        if (run_length >> p) maps.steps.push_back({run, -1, p}), run_length -= 1 << p;
        else --p;
    };
    int next = batch.first[s];
    for (int t = 0; t < desk.length[s]; ++t) {
      const std::size_t p = static_cast<std::size_t>(s) * batch.T + t;
      const std::int32_t row = desk.window_at[p];
      const bool scored = next < batch.first[s + 1] && batch.position[next] == t, read = scored || !last;
      next += scored;
      own += row >= maps.shared;
      if (row != run || read) end_run();
      if (row < maps.shared && !read) {
        run = row, ++run_length;
        continue;
      }
      std::int32_t output = -1;
      if (read) {
        output = static_cast<std::int32_t>(maps.output_row.size());
        std::int32_t& gate = gate_of[desk.row_at[p]];
        if (gate < 0) gate = static_cast<std::int32_t>(maps.gate_input.size()), maps.gate_input.push_back(desk.row_at[p]);
        maps.output_row.push_back(row), maps.output_input.push_back(desk.row_at[p]), maps.output_gate.push_back(gate);
        const auto window = maps.window.begin() + static_cast<std::ptrdiff_t>(row) * shape_.taps;
        maps.output_window.insert(maps.output_window.end(), window, window + shape_.taps);
      }
      maps.steps.push_back({row, output, 0});
    }
    end_run();
    maps.first_step.push_back(static_cast<std::int32_t>(maps.steps.size()));
    maps.first_output.push_back(static_cast<std::int32_t>(maps.output_row.size()));
    maps.first_row.push_back(own);
  }
  if (!shape_.reordered) return;
  maps.every_step.clear(), maps.every_row.clear();
  for (std::int32_t row = 0; row < own; ++row) maps.every_step.push_back({row, row, 0}), maps.every_row.push_back(row);
}

void Layout::publish(int model) {
  for (int layer = 0; layer < shape_.layers; ++layer) {
    const LayerMaps& maps = maps_[layer][model];
    const auto size = [](const auto& v) { return static_cast<std::int32_t>(v.size()); };
    counts_[layer].rows[model] = maps.rows;
    counts_[layer].windows[model] = size(maps.window) / shape_.taps;
    counts_[layer].outputs[model] = size(maps.output_row);
    counts_[layer].gates[model] = size(maps.gate_input);
    Pointers& p = pointers_[layer];
    p.window[model] = maps.window.data(), p.window_input[model] = maps.window_input.data();
    p.output_row[model] = maps.output_row.data(), p.output_input[model] = maps.output_input.data(), p.output_window[model] = maps.output_window.data();
    p.gate_input[model] = maps.gate_input.data(), p.output_gate[model] = maps.output_gate.data();
    p.every_row[model] = maps.every_row.data();
    every_walks_[layer][model] = {size(maps.first_row) - 1,    0, maps.every_step.data(), maps.first_row.data(), maps.first_row.data(),
                                  maps.first_row.data()};
    walks_[layer][model] = {size(maps.first_step) - 1,    maps.shared,           maps.steps.data(),
                            maps.first_step.data(), maps.first_row.data(), maps.first_output.data()};
  }
  token_pointers_[model] = tokens_[model].data(), position_pointers_[model] = positions_[model].data();
  label_pointers_[model] = labels_[model].data();
  number_pointers_[model] = numbers_[model].data(), value_pointers_[model] = values_[model].data();
}

}  // namespace phasegrid::worker
