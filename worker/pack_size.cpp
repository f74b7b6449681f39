#include "worker/pack_size.hpp"

#include <algorithm>

#include "worker/models/network.hpp"
#include "worker/schema.hpp"

namespace phasegrid::worker {
namespace {

constexpr int kWarps = 16;                // of a multiprocessor: four for each of its schedulers
constexpr int kRounds = 8;
constexpr int kEvaluationSequences = 64;  // of worker/pack.cpp
constexpr double kWorkspace = 1.5,
                 kOurs = 0.9;  // memory besides what is counted; the part of a GPU's memory that we take

ModelSettings model_of(const sweeps::Settings& settings, const TaskFacts& facts) {
  ModelSettings model = model_settings(settings, facts.vocab, facts.T);
  model.channels = facts.channels, model.outputs = facts.outputs, model.noisy = facts.noisy;
  return model;
}

}  // namespace

std::int64_t gpu_bytes_per_model(const sweeps::Settings& settings) {
  const TaskFacts facts = task_facts(settings);
  const ModelSettings model = model_of(settings, facts);
  std::int64_t numbers = 5 * describe_parameters(model).size();
  for (const bool training : {true, false}) {
    const int sequences = training ? static_cast<int>(settings.integer("batch")) : kEvaluationSequences;
    const LayoutShape shape = layout_shape(model, sequences, facts.T, facts.most_scored, facts.T);
    numbers += table_numbers(model, shape, training);
    numbers += shape.positions() * model.layers * (shape.taps + 8);  // windows, walks, readers
  }
  return numbers * static_cast<std::int64_t>(sizeof(float));
}

int pack_size(const sweeps::Settings& settings, const kernels::Gpu& gpu) {
  const double fit =
      kOurs * static_cast<double>(gpu.bytes) / (kWorkspace * static_cast<double>(gpu_bytes_per_model(settings)));
  const std::int64_t warps = settings.integer("batch") * ((settings.integer("D") + 31) / 32);
  const std::int64_t busy = (static_cast<std::int64_t>(kRounds) * kWarps * gpu.multiprocessors + warps - 1) / warps;
  return static_cast<int>(std::clamp(std::min(fit, static_cast<double>(busy)), 1.0, static_cast<double>(kLargestPack)));
}

}  // namespace phasegrid::worker
