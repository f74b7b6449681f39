// What a cell costs, counted from its settings (docs/theory.md, parameter counts; notation of docs/design.md).
//
//   D = expand d, K the taps of the convolution, V the vocabulary
//   per block      norm (d or 2d), in_proj dD, gate dD, conv DK + D, out_proj Dd, and the mixer (mixer_cost.cpp)
//   around them    embedding Vd, positions Td (learned), final norm, head dV + V (tied: V)
//
// Work is counted per position: two floating-point operations per weight, times three with the backward pass; exponentials in
// both directions. In the last block the gate and all that comes after it work on
// scored positions only. Evaluation is the forward third, on the validation set every `every` steps and on the test set twice;
// the lengths of [eval] T are not counted. Positions that share a row are counted as if they did not.
#include <array>
#include <cmath>
#include <map>
#include <mutex>
#include <unordered_map>

#include "worker/mixer_cost.hpp"
#include "worker/schema.hpp"

namespace phasegrid::worker {
namespace {

using sweeps::Settings;

struct Shape {
  double V, T, scored, d, D, K, layers, batch;
  bool gate, tied;
  MixerCost mixer;
  double norm, final_norm, positions;      // parameters of one norm, of the last, of learned positions
};

double norm_parameters(const std::string& norm, double d) { return norm == "rms" ? d : norm == "layer" ? 2 * d : 0; }

Shape shape_of(const Settings& s) {
  const TaskFacts task = task_facts(s);
  Shape shape{};
  shape.V = task.vocab, shape.T = task.T, shape.scored = task.most_scored;
  shape.d = s.real("d"), shape.D = shape.d * s.real("expand"), shape.K = s.real("conv");
  shape.mixer = mixer_cost(s), shape.layers = s.real("layers"), shape.batch = s.real("batch");
  shape.gate = s.boolean("gate"), shape.tied = s.boolean("tied_embedding");
  shape.norm = norm_parameters(s.word("norm"), shape.d), shape.final_norm = norm_parameters(s.word("final_norm"), shape.d);
  shape.positions = s.word("positional") == "learned" ? shape.T * shape.d : 0;
  return shape;
}

double parameters(const Shape& s) {
  const double conv = s.K > 0 ? s.D * (s.K + 1) : 0;
  const double block = s.norm + s.d * s.D + (s.gate ? s.d * s.D : 0) + conv + s.mixer.parameters + s.D * s.d;
  return s.V * s.d + s.positions + s.layers * block + s.final_norm + (s.tied ? 0 : s.d * s.V) + s.V;
}

// Of the forward pass, per sequence.
struct Work {
  double flops = 0, exponentials = 0;
};

Work forward(const Shape& s) {
  const double dense = 2 * (s.d * s.D + s.K * s.D) + 10 * s.D + s.mixer.flops;
  const double read = 2 * (s.D * s.d + (s.gate ? s.d * s.D : 0)) + 4 * s.D + 10 * s.d + s.mixer.read_flops;      // gate and out-projection
  const double positions = (s.layers - 1) * s.T + s.scored;
  Work work;
  work.flops = s.layers * s.T * dense + positions * read + s.scored * 2 * s.d * s.V;
  work.exponentials = s.layers * s.T * (2 * s.D + s.mixer.exponentials) + positions * (s.gate ? s.D : 0) + s.scored * s.V;
  return work;
}

// Weights, gradients, two moments and the best weights so far; activations of one batch and their gradients.
double bytes(const Shape& s, double count) {
  const double positions = s.batch * s.T;
  const double block = positions * (2 * s.d + 3 * s.D + s.mixer.activations) + s.mixer.states;
  const double head = s.batch * s.scored * (s.V + 2 * s.d + 3 * s.D);
  return 4 * (5 * count + 2 * (s.layers * block + head));
}

struct Hash {
  std::size_t operator()(const std::vector<sweeps::Value>& values) const {
    std::size_t h = 0;
    for (const auto& value : values) h = h * 1099511628211u + std::hash<sweeps::Value>{}(value);
    return h;
  }
};

}  // namespace

std::int64_t delta_rank(const Settings& settings) {
  if (!settings.is_word("delta_rank")) return settings.integer("delta_rank");
  return settings.word("delta_rank") == "full" ? 0 : (settings.integer("d") + 15) / 16;
}

std::int64_t head_count(const Settings& settings) {
  if (!settings.is_word("heads")) return settings.integer("heads");
  const std::int64_t D = settings.integer("d") * settings.integer("expand");
  std::int64_t heads = D < 128 ? 1 : D / 64;
  while (D % heads != 0) --heads;
  return heads;
}

TaskFacts task_facts(const Settings& settings) {
  static std::mutex mutex;
  static std::unordered_map<std::vector<sweeps::Value>, TaskFacts, Hash> known;
  const tasks::TaskEntry* task = tasks::find_task(settings.word("task"));
  thread_local std::vector<sweeps::Value> values;
  values.assign(1, settings.value("task"));
  for (const auto& option : task->options) values.push_back(settings.value(option.name));
  const std::lock_guard lock(mutex);
  const auto found = known.find(values);
  if (found != known.end()) return found->second;
  const auto made = task->make(task_options(settings));
  return known[values] = {made->vocab(), made->T(), made->most_scored()};
}

sweeps::Cost cell_cost(const Settings& settings) {
  const Shape shape = shape_of(settings);
  const Work work = forward(shape);
  const double steps = settings.real("steps");
  const double evaluations = std::floor(steps / settings.real("every")) + 2;
  const double trained = steps * shape.batch, evaluated = evaluations * settings.real("eval_examples");
  sweeps::Cost cost;
  const double count = parameters(shape);
  cost.parameters = static_cast<std::uint64_t>(count);
  cost.bytes = static_cast<std::uint64_t>(bytes(shape, count));
  cost.flops = work.flops * (3 * trained + evaluated);
  cost.exponentials = work.exponentials * (2 * trained + evaluated);
  return cost;
}

}  // namespace phasegrid::worker
