// What a cell costs, counted from its settings and the rows of its batches (worker/row_counts.hpp).
//
//   D channels, K the taps of the convolution, V the vocabulary
//   parameters   block:   norm (d or 2d), in_proj dD, gate dD, conv DK + D, out_proj Dd, mixer (worker/mixer_cost.hpp)
//                around:  embedding Vd, positions Td (learned) or 1 + 3N + d (ssm_time), final norm, head dV + V (tied: V)
//                real-valued, C channels, O outputs:  projection dC + d instead of the embedding, head dO + O
//   work         two operations per weight and row that it meets, three times that with the way back; one exponential
//                per channel and row of each activation, and those of the mixer, in each direction
//
// Channels count as the kernels lay them out, padded to 16. Evaluation is the forward third: the validation set every
// `every` steps and the test set twice; the lengths of [eval] T are not counted.
#include <cmath>

#include "kernels/rows.hpp"
#include "worker/mixer_cost.hpp"
#include "worker/row_counts.hpp"
#include "worker/schema.hpp"

namespace phasegrid::worker {
namespace {

using sweeps::Settings;

struct Shape {
  double V, T, d, D, K, batch;
  double C, O;  // columns of real-valued inputs, and of the head
  int layers;
  bool gate, tied;
  MixerCost mixer;
  double norm, final_norm, positions;  // parameters of one norm, of the last, of learned positions
};

double norm_parameters(const std::string& norm, double d) { return norm == "rms" ? d : norm == "layer" ? 2 * d : 0; }

Shape shape_of(const Settings& s, const RowCounts& counts) {
  Shape shape{};
  shape.V = counts.vocab, shape.T = counts.T;
  shape.C = counts.channels, shape.O = counts.outputs > 0 ? counts.outputs : counts.vocab;
  shape.d = s.real("d"), shape.D = s.real("D"), shape.K = s.real("conv");
  shape.mixer = mixer_cost(s), shape.layers = static_cast<int>(s.integer("layers")), shape.batch = s.real("batch");
  shape.gate = s.boolean("gate"), shape.tied = s.boolean("tied_embedding");
  shape.norm = norm_parameters(s.word("norm"), shape.d);
  shape.final_norm = norm_parameters(s.word("final_norm"), shape.d);
  if (s.word("positional") == "learned") shape.positions = shape.T * shape.d;
  if (s.word("positional") == "ssm_time" && s.word("time_layer") == "trained") shape.positions = 1 + 3 * s.real("N") + shape.d;
  return shape;
}

double parameters(const Shape& s) {
  const double conv = s.K > 0 ? s.D * (s.K + 1) : 0;
  const double block = s.norm + s.d * s.D + (s.gate ? s.d * s.D : 0) + conv + s.mixer.parameters + s.D * s.d;
  return (s.C > 0 ? (s.C + 1) * s.d : s.V * s.d) + s.positions + s.layers * block + s.final_norm + (s.tied ? 0 : s.d * s.O) + s.O;
}

double wide(double columns) { return kernels::padded(static_cast<int>(columns)); }

// One forward pass over one batch.
struct Work {
  double flops = 0, exponentials = 0;
};

void add_block(const Shape& s, const LayerCounts& c, Work& work) {
  const double D = wide(s.D), d = wide(s.d);
  work.flops += 2 * (c.rows * s.d * D + c.windows * s.K * D + c.outputs * s.D * d) + c.windows * s.mixer.flops +
                c.outputs * s.mixer.read_flops;
  work.exponentials += c.steps * s.mixer.exponentials + c.windows * D;
  if (s.gate) work.flops += 2 * c.gates * s.d * D, work.exponentials += c.gates * D;
}

Work forward(const Shape& s, const RowCounts& counts) {
  Work work;
  for (int layer = 0; layer < s.layers; ++layer)
    add_block(s, layer + 1 == s.layers ? counts.last : layer == 0 ? counts.first : counts.inner, work);
  work.flops += 2 * counts.scored * s.d * wide(s.O) + 2 * counts.first.rows * s.C * wide(s.d);
  if (counts.outputs == 0) work.exponentials += counts.scored * wide(s.O);
  return work;
}

// Numbers in the tables of one layer: values, and for training gradients and kept derivatives.
double tables(const Shape& s, const LayerCounts& c, bool training) {
  const double values = training ? 2 : 1, kept = training ? 1 : 0;
  const double d = wide(s.d), D = wide(s.D);
  double n = values * c.rows * ((s.norm > 0 ? 2 : 1) * d + D);
  n += c.windows * ((values + kept) * D + values * s.mixer.activations);                           // u, and what the mixer keeps
  n += values * c.outputs * (D + s.mixer.read_activations + d + (s.gate ? D : 0));                 // y, gated, out
  if (s.gate) n += values * c.gates * (d + D);
  return n + s.mixer.states + c.steps / s.batch * 256;                                             // and the walk
}

// Numbers in all tables of one batch.
double tables(const Shape& s, const RowCounts& counts, bool training) {
  double n = counts.scored * (training ? 2 : 1) * (wide(s.V) + (s.final_norm > 0 ? 2 : 1) * wide(s.d));
  for (int layer = 0; layer < s.layers; ++layer)
    n += tables(s, layer + 1 == s.layers ? counts.last : layer == 0 ? counts.first : counts.inner, training);
  return n;
}

// Of one replica: weights, gradients, two moments, the best weights so far, in a gang two gradients to share; the tables of training, for its
// share of the batch, and of evaluation.
double bytes(const Shape& s, const RowCounts& counts, double count, double replicas) {
  constexpr double kEvaluationBatch = 64;
  const double shared = replicas > 1 ? 2 * count : 0;
  return 4 * (5 * count + shared + tables(s, counts, true) / replicas + tables(s, counts, false) * kEvaluationBatch / s.batch);
}

}  // namespace

std::int64_t delta_rank(const Settings& settings) {
  if (!settings.is_word("delta_rank")) return settings.integer("delta_rank");
  return settings.word("delta_rank") == "full" ? 0 : (settings.integer("d") + 15) / 16;
}

std::int64_t head_count(const Settings& settings) {
  if (!settings.is_word("heads")) return settings.integer("heads");
  const std::int64_t D = settings.integer("D");
  std::int64_t heads = D < 128 ? 1 : D / 64;
  while (D % heads != 0) --heads;
  return heads;
}

TaskFacts task_facts(const Settings& settings) {
  const RowCounts& counts = row_counts(settings);
  return {counts.vocab, counts.T, counts.most_scored, counts.channels, counts.outputs, counts.noisy};
}

sweeps::Cost step_cost(const Settings& settings, const RowCounts& counts) {
  const Shape shape = shape_of(settings, counts);
  const Work work = forward(shape, counts);
  sweeps::Cost cost;
  cost.bytes = static_cast<std::uint64_t>(4 * (4 * parameters(shape) + tables(shape, counts, true)));
  cost.flops = 3 * work.flops, cost.exponentials = 2 * work.exponentials, cost.steps = 1;
  return cost;
}

sweeps::Cost cell_cost(const Settings& settings) {
  const RowCounts& counts = row_counts(settings);
  const Shape shape = shape_of(settings, counts);
  const Work work = forward(shape, counts);
  const double steps = settings.real("steps");
  const double evaluations = std::floor(steps / settings.real("every")) + 2;
  const double evaluated = evaluations * settings.real("eval_examples") / shape.batch;   // batches
  const double count = parameters(shape);
  sweeps::Cost cost;
  cost.parameters = static_cast<std::uint64_t>(count);
  cost.bytes = static_cast<std::uint64_t>(bytes(shape, counts, count, settings.real("replicas")));
  cost.flops = work.flops * (3 * steps + evaluated);
  cost.exponentials = work.exponentials * (2 * steps + evaluated);
  cost.positions = (steps + evaluated) * shape.batch * shape.T;
  cost.steps = steps;
  return cost;
}

}  // namespace phasegrid::worker
