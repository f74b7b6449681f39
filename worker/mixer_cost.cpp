// Counts of docs/theory.md, 1.3, in its notation: D = expand d channels, N states, R the rank of the step-size projection, K taps,
// H heads in G groups. Two operations per weight, six per state and step, one exponential per decay.
#include "worker/mixer_cost.hpp"

#include <cmath>
#include <stdexcept>
#include <string>

#include "kernels/rows.hpp"
#include "kernels/s4d/s4d.hpp"
#include "kernels/ssd/ssd.hpp"
#include "worker/schema.hpp"

namespace phasegrid::worker {
namespace {

using sweeps::Settings;

struct Sizes {
  double d, D, N, R, K;
  bool fixed_delta;
};

Sizes sizes(const Settings& s) {
  const double d = s.real("d");
  return {d, d * s.real("expand"), s.real("N"), static_cast<double>(delta_rank(s)), s.real("conv"), s.word("delta_activation") == "fixed"};
}

// Weights from D channels to `out` step sizes, without biases.
double delta_weights(const Sizes& s, double out) { return s.fixed_delta ? 0 : s.R > 0 ? s.R * (s.D + out) : s.D * out; }

// A, skip, step sizes (`out` of them), B and C.
MixerCost selective(const Sizes& s, double out) {
  MixerCost cost;
  const double weights = delta_weights(s, out) + 2 * s.N * s.D;
  cost.parameters = s.N * s.D + s.D + out + weights;
  cost.flops = 2 * weights + 6 * s.N * s.D;
  cost.exponentials = s.N * s.D + 2 * out;
  cost.activations = s.D + out + s.R + 2 * s.N;
  cost.states = 2 * s.N * s.D;
  return cost;
}
MixerCost mamba(const Settings& settings) {
  const Sizes s = sizes(settings);
  return selective(s, s.D);
}

MixerCost mamba2(const Settings& settings) {
  const Sizes s = sizes(settings);
  const double H = static_cast<double>(head_count(settings)), GN = settings.real("groups") * s.N;
  const TaskFacts task = task_facts(settings);
  const double T = task.T;
  const double weights = (s.fixed_delta ? 0 : H * s.d) + 2 * GN * s.d, conv = s.K > 0 ? 2 * GN * (s.K + 1) : 0;
  const double chunk = kernels::ssd_chunk(task.T, task.most_scored, static_cast<int>(s.D), static_cast<int>(s.N));
  MixerCost cost;
  cost.parameters = 3 * H + weights + conv + (settings.boolean("gated_norm") ? s.D : 0);
  cost.flops = 2 * weights + 2 * conv + (chunk < T ? 2 * s.N * s.D : 0);
  cost.read_flops = 2 * chunk * (s.N + s.D) + (chunk < T ? 2 * s.N * s.D : 0);
  cost.exponentials = 3 * H + 2 * GN;
  cost.activations = 4 * GN + 2 * H;
  cost.states = std::ceil(T / chunk) * s.N * s.D + 4 * T * (s.D + GN);
  return cost;
}

// Complex states count as two real ones; their parameters do so, too. Of a convolution, pairs of a read position and one before it.
MixerCost s4d(const Settings& settings) {
  const Sizes s = sizes(settings);
  const TaskFacts task = task_facts(settings);
  const double impulse = 6 * s.N * s.D / settings.real("batch");   // computed once per step
  MixerCost cost;
  cost.parameters = 3 * s.N * s.D + 2 * s.D;
  const double outputs = settings.real("layers") > 1 ? task.T : task.most_scored;
  if (kernels::s4d_convolves(outputs, s.N)) cost.flops = impulse, cost.read_flops = task.T * s.D;
  else cost.flops = 6 * s.N * s.D, cost.states = 2 * task.T * s.N;
  cost.activations = s.D;
  return cost;
}
MixerCost s4(const Settings& settings) {
  const Sizes s = sizes(settings);
  const double T = task_facts(settings).T, batch = settings.real("batch");
  MixerCost cost;
  cost.parameters = 5 * s.N * s.D + 2 * s.D;
  cost.flops = 12 * s.N * s.D / batch;
  cost.read_flops = T * s.D;
  cost.activations = s.D;
  cost.states = 16 * T * (s.N + 2) / batch;
  return cost;
}
MixerCost b2s6(const Settings& settings) {
  const Sizes s = sizes(settings);
  const double learned_delta = settings.real("delta_rate") == 0 ? 0 : s.fixed_delta ? s.D : 2 * s.D;
  MixerCost cost;
  cost.parameters = s.N + 2 * s.N * s.D + (settings.boolean("block_bias") ? s.N * s.D : 0) + learned_delta + s.D;
  cost.flops = 4 * s.N * s.D + 20 * s.N * s.D;      // projections; the exact integral of the input costs more than the state
  cost.exponentials = (settings.boolean("block_complex") ? 1.5 : 1) * s.N * s.D + 2 * s.D;   // and as many sines and cosines
  cost.activations = 2 * s.D + 2 * s.N * kernels::padded(static_cast<int>(settings.integer("blocks")));
  cost.states = 2 * s.N * s.D;
  return cost;
}
MixerCost attention(const Settings& settings) {
  const Sizes s = sizes(settings);
  const TaskFacts task = task_facts(settings);
  const double T = task.T;
  MixerCost cost;
  cost.parameters = 3 * s.D * s.D;
  cost.flops = 4 * s.D * s.D, cost.read_flops = 2 * s.D * s.D + 2 * T * s.D;
  cost.exponentials = static_cast<double>(head_count(settings)) * task.most_scored / 2;
  cost.activations = 3 * s.D, cost.states = 2 * T * (task.most_scored + 3 * s.D);
  return cost;
}

struct Line {
  const char* variant;
  MixerCost (*cost)(const Settings&);
};
constexpr Line kLines[] = {
    {"mamba", mamba},
    {"mamba2", mamba2},
    {"s4d", s4d},
    {"mamba_s4d", s4d},
    {"b2s6", b2s6},
    {"s4", s4},
    {"attention", attention},
};

}  // namespace

MixerCost mixer_cost(const Settings& settings) {
  const std::string& variant = settings.word("variant");
  for (const Line& line : kLines)
    if (variant == line.variant) return line.cost(settings);
  throw std::logic_error("the cost model has no line for the variant " + variant);
}

}  // namespace phasegrid::worker
