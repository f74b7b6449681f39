// Counts of docs/theory.md, 1.3, in its notation: D channels, N states, R the rank of the step-size
// projection, K taps, H heads in G groups. Two operations per weight, one exponential per decay; channels count
// padded, as the kernels lay them out.
#include "worker/mixer_cost.hpp"

#include <cmath>
#include <stdexcept>
#include <string>

#include "kernels/rows.hpp"
#include "kernels/s4d/s4d.hpp"
#include "kernels/scan/scan.hpp"
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
  return {d,
          s.real("D"),
          s.real("N"),
          static_cast<double>(delta_rank(s)),
          s.real("conv"),
          s.word("delta_activation") == "fixed"};
}

double wide(double columns) { return kernels::padded(static_cast<int>(columns)); }

// Weights from D channels to `out` step sizes, without biases.
double delta_weights(const Sizes& s, double out) { return s.fixed_delta ? 0 : s.R > 0 ? s.R * (s.D + out) : s.D * out; }

// The scan keeps A and its gradient; for shared rows closed forms of runs of 1, 2, 4 .. 32.
void walk(MixerCost& cost, double N, double D) {
  const double states = N > 4 ? std::ceil(N / 8) * 8 : N;
  cost.states = 3 * states * D, cost.shared_states = 3 * kernels::kPowers * states * D;
}

// A, skip, step sizes (`out` of them), B and C.
MixerCost selective(const Sizes& s, double out) {
  MixerCost cost;
  const double N = wide(s.N), D = wide(s.D), R = s.fixed_delta || s.R == 0 ? 0 : wide(s.R);
  cost.parameters = s.N * s.D + s.D + out + delta_weights(s, out) + 2 * s.N * s.D;
  cost.flops = 2 * ((s.fixed_delta ? 0 : R > 0 ? s.D * R + s.R * wide(out) : s.D * wide(out)) + s.D * N);
  cost.read_flops = 2 * s.D * N;
  cost.exponentials = s.N * D + wide(out), cost.walked = s.N * D;
  cost.activations = wide(out) + R + N, cost.kept = wide(out) + 2 * D;
  cost.read_activations = D + N;
  walk(cost, s.N, D);
  return cost;
}
// The two options of arXiv 2410.03292: B and C from one triangle, and a sequence sorted there and back, all of it read.
MixerCost selective(const Settings& settings, double out) {
  const Sizes s = sizes(settings);
  MixerCost cost = selective(s, out);
  if (settings.word("token_dynamics") != "free") cost.parameters -= s.N * s.D + s.N * (s.N + 1) / 2 - s.N;
  if (settings.word("reorder") == "none") return cost;
  const double T = task_facts(settings).T, D = wide(s.D);
  cost.parameters += out;
  cost.flops += cost.read_flops + 4 * T * D, cost.exponentials += 2 * wide(T);
  cost.activations += cost.read_activations + wide(out) + 2 * D, cost.states += 3 * T * wide(T);
  return cost;
}
MixerCost mamba(const Settings& settings) { return selective(settings, settings.real("D")); }

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
  cost.row_activations = 2 * wide(GN) + wide(H), cost.row_kept = wide(H);
  cost.activations = wide(GN), cost.kept = wide(GN), cost.read_activations = 1.5 * wide(GN);
  cost.states = std::ceil(T / chunk) * s.N * wide(s.D) + 4 * T * (wide(s.D) + wide(GN));
  return cost;
}

// Complex states count as two real ones, and so do their parameters. Pairs: of a read position and one before it, half of T on average.
MixerCost s4d(const Settings& settings) {
  const Sizes s = sizes(settings);
  const TaskFacts task = task_facts(settings);
  const double D = wide(s.D), T = task.T, outputs = settings.integer("layers") > 1 ? T : task.most_scored;
  MixerCost cost;
  cost.parameters = 3 * s.N * s.D + 2 * s.D;
  if (kernels::s4d_convolves(outputs, s.N)) {
    cost.flops = 4 * s.N * D / settings.real("batch"), cost.read_flops = T * D;   // the impulse response: once per step
    cost.states = T * (3 * D + 14 * kernels::kPad);
  } else {
    cost.flops = 6 * s.N * D, cost.states = 8 * T * kernels::kPad;
  }
  return cost;
}
MixerCost s4(const Settings& settings) {
  const Sizes s = sizes(settings);
  const double D = wide(s.D), T = task_facts(settings).T;
  MixerCost cost;
  cost.parameters = 5 * s.N * s.D + 2 * s.D;
  cost.flops = 12 * s.N * D / settings.real("batch"), cost.read_flops = T * D;
  cost.states = T * (3 * D + (s.N + 16) * kernels::kPad);
  return cost;
}
MixerCost b2s6(const Settings& settings) {
  const Sizes s = sizes(settings);
  const bool is_complex = settings.boolean("block_complex");
  const double learned_delta = settings.real("delta_rate") == 0 ? 0 : s.fixed_delta ? s.D : 2 * s.D;
  const double D = wide(s.D), projected = s.N * wide(settings.real("blocks"));
  MixerCost cost;
  cost.parameters = s.N + 2 * s.N * s.D + (settings.boolean("block_bias") ? s.N * s.D : 0) + learned_delta + s.D;
  cost.flops = 2 * s.N * s.D + 20 * s.N * D, cost.read_flops = 2 * s.N * s.D;   // the exact integral of the input is the most of it
  cost.exponentials = (is_complex ? 1.5 : 1) * s.N * D + D;                     // a complex one: exponential, sine and cosine
  cost.walked = s.N * D, cost.activations = D + projected, cost.kept = D, cost.read_activations = D + projected;
  const double states = std::ceil(s.N / (is_complex ? 8 : 4)) * (is_complex ? 8 : 4) * D;
  cost.states = 7 * states, cost.shared_states = (6 + 4 * kernels::kPowers) * states;
  return cost;
}
MixerCost attention(const Settings& settings) {
  const Sizes s = sizes(settings);
  const TaskFacts task = task_facts(settings);
  const double D = wide(s.D), T = task.T, outputs = settings.integer("layers") > 1 ? T : task.most_scored;
  MixerCost cost;
  cost.parameters = 3 * s.D * s.D;
  cost.flops = 4 * s.D * D, cost.read_flops = 2 * s.D * D + 2 * T * D;
  cost.exponentials = static_cast<double>(head_count(settings)) * outputs / 2;
  cost.activations = 2 * D, cost.read_activations = 2 * D;
  cost.states = 2 * T * outputs + 5 * T * D;
  return cost;
}
MixerCost mamba_delta_t(const Settings& settings) { return selective(settings, settings.real("N")); }

MixerCost linear_attention(const Settings& settings) {
  const Sizes s = sizes(settings);
  const double N = wide(s.N), D = wide(s.D);
  MixerCost cost;
  cost.parameters = s.d * s.N + s.N + 2 * s.N * s.D;
  cost.flops = 2 * (s.d * N + s.D * N), cost.read_flops = 2 * s.D * N;
  cost.exponentials = s.N * D + N, cost.walked = s.N * D;
  cost.activations = 2 * N, cost.kept = N + 2 * D, cost.read_activations = D + N;
  walk(cost, s.N, D);
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
    {"mamba_delta_t", mamba_delta_t},
    {"linear_attention", linear_attention},
};

}  // namespace

MixerCost mixer_cost(const Settings& settings) {
  const std::string& variant = settings.word("variant");
  for (const Line& line : kLines)
    if (variant == line.variant) return line.cost(settings);
  throw std::logic_error("the cost model has no line for the variant " + variant);
}

}  // namespace phasegrid::worker
