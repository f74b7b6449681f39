#include "worker/diagnostics/diagnose.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>

#include "worker/diagnostics/collectors.hpp"
#include "worker/diagnostics/observe.hpp"
#include "worker/training.hpp"

namespace phasegrid::worker {
namespace {

using tasks::Batch;

constexpr const char* kSorted = "sorted";  // the role of every position where the mixer mixes and sorts them

std::vector<std::string> role_names(const tasks::Task& task, const Batch& batch, bool reordered) {
  if (reordered) return {kSorted};
  std::vector<std::string> names;
  for (int s = 0; s < batch.sequences; ++s)
    for (const std::string& role : task.roles(batch, s))
      if (std::find(names.begin(), names.end(), role) == names.end()) names.push_back(role);
  return names;
}

Example example_of(const tasks::Task& task, const Batch& batch, int s, const std::vector<std::string>& names) {
  Example example;
  example.index = s;
  if (names.front() == kSorted) {
    example.role.assign(static_cast<std::size_t>(batch.T), 0);
    return example;
  }
  for (const std::string& role : task.roles(batch, s))
    example.role.push_back(static_cast<int>(std::find(names.begin(), names.end(), role) - names.begin()));
  for (std::int32_t i = batch.first[static_cast<std::size_t>(s)]; i < batch.first[static_cast<std::size_t>(s) + 1];
       ++i) {
    const std::size_t scored = static_cast<std::size_t>(i);
    example.query.push_back(batch.position[scored]);
    if (batch.tokens.empty() || batch.label.empty()) continue;
    example.token.push_back(batch.tokens[static_cast<std::size_t>(s) * static_cast<std::size_t>(batch.T) +
                                         static_cast<std::size_t>(batch.position[scored])]);
    example.label.push_back(batch.label[scored]);
  }
  return example;
}

// All that is gathered over the examples of one cell.
struct Gathered {
  std::optional<DecayCollector> decay;
  std::optional<ReachCollector> reach;
  std::optional<GradientCollector> gradients;
  std::optional<StateCollector> state;
  std::optional<NormCollector> norms;
  std::vector<Recurrence> layers;  // of the last example: for what depends on weights alone
};

Gathered start(const Wanted& want, const Watched& network, int roles, int most_queries) {
  const ModelSettings& model = network.model();
  Gathered g;
  if (want.eigenvalues) g.norms.emplace(model);
  if (!has_state(model.variant)) return g;
  if (want.decay || want.decay_channels) g.decay.emplace(network, roles, want.decay_channels);
  if (want.sensitivity || want.gradients) g.reach.emplace(model);
  if (want.gradients) g.gradients.emplace(model, want.examples);
  if (want.state) g.state.emplace(model, want.examples, most_queries);
  return g;
}

void add(Gathered& g, const Watched& network, const Example& example) {
  if (g.norms) g.norms->add(network);
  if (!has_state(network.model().variant)) return;
  g.layers.clear();
  for (int layer = 0; layer < network.model().layers; ++layer) {
    const Recurrence& r = g.layers.emplace_back(observe(network, layer));
    if (g.decay) g.decay->add(layer, r, example);
    if (g.reach) g.reach->add(layer, r);
    if (g.gradients) g.gradients->add(layer, r, network.mixer_output(layer), example);
    if (g.state) g.state->add(layer, r, example);
  }
}

// Dimensions without labels count from 0.
void number_dimensions(Arrays& arrays) {
  static const std::map<std::string, std::string> kNames = {{"layer", "layer, from 0"},
                                                            {"channel", "channel of the mixer, from 0"},
                                                            {"state", "state of the channel, from 0"},
                                                            {"distance", "positions before the last one"},
                                                            {"position", "position in the sequence, from 0"},
                                                            {"depth", "blocks passed: 0 is the embedding"},
                                                            {"example", "sequence of the test set, from 0"},
                                                            {"query", "scored position of the sequence, in its order"}};
  std::map<std::string, std::size_t> extents;
  for (const sweeps::LabelledArray& array : arrays)
    for (std::size_t i = 0; i < array.dims.size(); ++i)
      extents[array.dims[i]] = std::max(extents[array.dims[i]], array.shape[i]);
  for (const sweeps::LabelledArray& array : arrays)
    if (array.dims.size() == 1) extents.erase(array.name);
  for (const auto& [dim, extent] : extents) {
    std::vector<double> numbers(extent);
    std::iota(numbers.begin(), numbers.end(), 0.0);
    const auto known = kNames.find(dim);
    arrays.push_back({dim,
                      {dim},
                      {extent},
                      std::move(numbers),
                      {},
                      known == kNames.end() ? "from 0, largest first" : known->second,
                      "1"});
  }
}

Arrays write(const Gathered& g, const Wanted& want, const std::vector<std::string>& roles) {
  Arrays arrays;
  if (g.decay) g.decay->write(roles, arrays);
  if (g.reach && want.sensitivity) g.reach->write_sensitivity(arrays);
  if (g.reach && want.gradients) g.reach->write_influence(arrays);
  if (g.gradients) g.gradients->write(arrays);
  if (want.eigenvalues) write_eigenvalues(g.layers, arrays);
  if (g.norms) g.norms->write(arrays);
  if (g.state) g.state->write(arrays);
  number_dimensions(arrays);
  return arrays;
}

}  // namespace

Wanted wanted(const sweeps::Settings& s) {
  return {s.boolean("decay"),
          s.boolean("decay_channels"),
          s.boolean("sensitivity"),
          s.boolean("gradients"),
          s.boolean("eigenvalues"),
          s.boolean("state"),
          static_cast<int>(s.integer("diagnostics_examples"))};
}

std::vector<sweeps::LabelledArray> diagnose(const sweeps::CellSpec& cell, const ModelSettings& model,
                                            const ParameterSet& parameters, const float* weights,
                                            std::string_view device_kind) {
  Wanted want = wanted(cell.settings);
  if (!want.anything()) return {};
  const auto task = make_task(cell.settings);
  want.examples = static_cast<int>(std::min<std::int64_t>(want.examples, task->available(tasks::Stream::test)));
  Batch batch;
  tasks::draw_batch(*task, data_key(cell), tasks::Stream::test, 0, want.examples, batch);
  const std::vector<double> values(weights, weights + parameters.size());
  Watched network(model, parameters, values, device_kind);
  const std::vector<std::string> roles = role_names(*task, batch, model.reorder);
  Gathered gathered = start(want, network, static_cast<int>(roles.size()), task->most_scored());
  for (int s = 0; s < batch.sequences; ++s) {
    network.run(batch, s);
    add(gathered, network, example_of(*task, batch, s, roles));
  }
  return write(gathered, want, roles);
}

}  // namespace phasegrid::worker
