// H1, H2, H3: Haar coefficients of a real sequence as states of a selective model (docs/theory.md, 3.6, E32).
//
//   <x, psi_jk> = 2^(j/2) [I(a) - 2 I(b) + I(c)],  I(m) = sum_{t >= m} x_t,  a, b, c = (k, k + 1/2, k + 1) L / 2^j
//
//   H1   one memory per threshold m: a step size that is large up to position m and ~0 after it, an input that does
//        not feel the step size (discretisation none): the memory keeps I(m). S6: a channel each; Mamba-Delta^T: a
//        column each
//   H2   S6 as it is (euler, step size 1, A ~ 0): B_t = psi(t), made from relu(t - m + 1) - relu(t - m) = [t >= m]; a
//        state per wavelet, D = 2 + 2 thresholds (x and -x, so that both signs pass the relu)
//
// The real network runs on it: token t stands at position t, and its embedding says (x_t, 1, t). Where one read-out
// cannot show all states, L tokens are followed by one question for each wavelet, whose x is 0: read channel w makes C
// pick coefficient w.
#include <algorithm>
#include <cmath>

#include "kernels/arena.hpp"
#include "sweeps/grid.hpp"
#include "worker/models/network.hpp"
#include "worker/schema.hpp"
#include "worker/verification/trial.hpp"

#include <fmt/format.h>

namespace phasegrid::worker {
namespace {

constexpr int kLevels = 5;
constexpr double kSteep = 50, kFloatTolerance = 1e-4, kDoubleTolerance = 1e-9;  // of coefficients of about 0.05
constexpr int kConstant = 1, kPosition = 2, kAsked = 3;                         // embedding channels behind x

struct Haar {
  int L, atoms = (1 << kLevels) - 1, thresholds = 1 << kLevels;
  std::vector<double> x;

  explicit Haar(const VerifyRequest& request) : L(1 << kLevels) {
    static_assert(1 << kLevels == kFewestSamples);
    while (2 * L <= std::min(request.T, kMostSamples)) L *= 2;
    kernels::Random random(request.seed, 1, kernels::hash_text("verify haar"));
    for (int t = 0; t < L; ++t) x.push_back(random.normal());
  }
  int threshold(int i) const { return i * (L / thresholds); }
  // Weight of I(threshold i) in coefficient w, for w = 2^j - 1 + k.
  double weight(int w, int i) const {
    int j = 0;
    while ((2 << j) - 1 <= w) ++j;
    const int k = w - ((1 << j) - 1), wide = thresholds >> j;
    const double height = std::pow(2.0, j / 2.0) / L;
    return i == k * wide || i == (k + 1) * wide ? height : i == k * wide + wide / 2 ? -2 * height : 0;
  }
  double coefficient(int w) const {
    double sum = 0;
    for (int i = 0; i < thresholds; ++i)
      for (int t = threshold(i); t < L; ++t) sum += weight(w, i) * x[t];
    return sum;
  }
};

struct Memory {
  const char *name, *variant, *rule;
  bool asked;  // questions after the sequence
  Sizes (*sizes)(const Haar&);
  void (*build)(const Haar&, Weights&);
};

void embed(const Haar& haar, Weights& w, bool asked) {
  for (int t = 0; t < haar.L; ++t)
    w("embedding.weight", t, 0) = haar.x[t], w("embedding.weight", t, kConstant) = 1,
                             w("embedding.weight", t, kPosition) = t;
  for (int q = 0; asked && q < haar.atoms; ++q)
    w("embedding.weight", haar.L + q, kConstant) = 1, w("embedding.weight", haar.L + q, kPosition) = haar.L,
                                      w("embedding.weight", haar.L + q, kAsked + q) = 1;
}

// S6: channel i < thresholds takes x; two more take the constant and the position.
Sizes s6_sizes(const Haar& h) { return {h.thresholds + 2, h.thresholds + 2, 1}; }
void s6_build(const Haar& h, Weights& w) {
  const int constant = h.thresholds, position = h.thresholds + 1;
  embed(h, w, false);
  w("in_proj.x", kConstant, constant) = 1, w("in_proj.x", kPosition, position) = 1;
  w("x_proj.B", constant, 0) = w("x_proj.C", constant, 0) = 1;
  for (int i = 0; i < h.thresholds; ++i) {
    w("in_proj.x", 0, i) = 1, w("out_proj", i, i) = 1;
    w("dt_proj.weight", constant, i) = kSteep * (h.threshold(i) + 0.5), w("dt_proj.weight", position, i) = -kSteep;
    for (int atom = 0; atom < h.atoms; ++atom) w("lm_head.weight", i, atom) = h.weight(atom, i);
  }
}

// Mamba-Delta^T: one channel for x, one column per threshold.
Sizes delta_t_sizes(const Haar& h) { return {kAsked + h.atoms, kAsked + h.atoms, h.thresholds}; }
void delta_t_build(const Haar& h, Weights& w) {
  embed(h, w, true);
  for (int c = 0; c < kAsked + h.atoms; ++c) w("in_proj.x", c, c) = 1;
  for (int i = 0; i < h.thresholds; ++i) {
    w("x_proj.B", kConstant, i) = 1;
    w("dt_proj.weight", kConstant, i) = kSteep * (h.threshold(i) + 0.5), w("dt_proj.weight", kPosition, i) = -kSteep;
    for (int atom = 0; atom < h.atoms; ++atom) w("x_proj.C", kAsked + atom, i) = h.weight(atom, i);
  }
  w("out_proj", 0, 0) = 1, w("lm_head.weight", 0, 0) = 1;
}

// S6 with B_t = psi(t): channels x, -x, two per threshold, one per question.
Sizes wavelet_sizes(const Haar& h) { return {kAsked + h.atoms, 2 + 2 * h.thresholds + h.atoms, h.atoms}; }
void wavelet_build(const Haar& h, Weights& w) {
  const int first = 2, asked = first + 2 * h.thresholds;
  embed(h, w, true);
  w("in_proj.x", 0, 0) = 1, w("in_proj.x", 0, 1) = -1, w("out_proj", 0, 0) = 1, w("out_proj", 1, 0) = -1,
                    w("lm_head.weight", 0, 0) = 1;
  w.fill("A_log", -40), w.fill("dt_proj.bias", std::log(std::exp(1) - 1));
  for (int i = 0; i < h.thresholds; ++i)
    for (int side = 0; side < 2; ++side) {
      const int channel = first + 2 * i + side;
      w("in_proj.x", kPosition, channel) = 1, w("in_proj.x", kConstant, channel) = 1 - side - h.threshold(i);
      for (int atom = 0; atom < h.atoms; ++atom) w("x_proj.B", channel, atom) = (side ? -1 : 1) * h.weight(atom, i);
    }
  for (int atom = 0; atom < h.atoms; ++atom)
    w("in_proj.x", kAsked + atom, asked + atom) = w("x_proj.C", asked + atom, atom) = 1;
}

struct Answer {
  double share, worst;  // of coefficients within the tolerance, and the largest error
};

template <class Real>
Answer answer(const Haar& haar, const Memory& memory, const std::string& rule,
              const std::function<void(Weights&)>& edit, double tolerance, const Device& device) {
  const Sizes sizes = memory.sizes(haar);
  const int T = haar.L + (memory.asked ? haar.atoms : 0);
  const bool wavelets = std::string(memory.name) == "H2";
  const auto cell =
      sweeps::Grid::parse(
          fmt::format("[sweep]\nname = \"verify\"\n[task]\nname = \"keep_nth\"\nn = 1\nvocab = {}\nT = "
                      "{}\n[model]\nvariant = \"{}\"\nd = {}\nD = {}\nN = {}\n"
                      "conv = 0\ngate = false\ndelta_rank = \"full\"\nactivation = \"{}\"\ndiscretisation = \"{}\"\n",
                      T, T, memory.variant, sizes.d, sizes.D, sizes.N, wavelets ? "relu" : "identity", rule),
          "verify haar", make_schema())
          .cell(0);
  const ModelSettings model = model_settings(cell.settings, T, T);
  const ParameterSet parameters = describe_parameters(model);
  std::vector<double> flat(static_cast<std::size_t>(parameters.size()));
  Weights weights(parameters, flat.data());
  weights.clear();
  memory.build(haar, weights);
  if (edit) edit(weights);
  kernels::Arena arena;
  Real* values = arena.allocate_array<Real>(flat.size());
  std::copy(flat.begin(), flat.end(), values);
  Network<Real> network(model,
                        {.sequences = 1,
                         .T = T,
                         .vocab = T,
                         .taps = 1,
                         .layers = 1,
                         .most_scored = memory.asked ? haar.atoms : 1,
                         .positional = false,
                         .positions_table = T},
                        1, device.kind, values, nullptr);
  tasks::Batch batch;
  batch.clear(T);
  for (int t = 0; t < T; ++t) batch.tokens.push_back(t);
  for (int q = 0; q < haar.atoms && memory.asked; ++q) batch.score(haar.L + q, 0);
  if (!memory.asked) batch.score(T - 1, 0);
  batch.end_sequence();
  network.set(0, batch);
  network.forward();
  const auto& logits = network.logits();
  Answer found{0, 0};
  for (int atom = 0; atom < haar.atoms; ++atom) {
    const double value =
        static_cast<double>(logits.value(0)[memory.asked ? static_cast<std::int64_t>(atom) * logits.width : atom]);
    const double error = std::fabs(value - haar.coefficient(atom));
    found.worst = std::max(found.worst, std::isnan(error) ? HUGE_VAL : error);
    found.share += error <= tolerance ? 1.0 / haar.atoms : 0;
  }
  if (found.share > 1 - 1e-9) found.share = 1;
  return found;
}

Verified run(const VerifyRequest& request, const Memory& memory, const Device& device) {
  const Haar haar(request);
  Verified line{.construction = memory.name,
                .variant = memory.variant,
                .task = "piecewise_constant",
                .setting = fmt::format("T = {}, {} wavelets", haar.L, haar.atoms),
                .sizes = memory.sizes(haar)};
  const auto as_theorem = [](Weights&) {};
  const Answer single = answer<float>(haar, memory, memory.rule, as_theorem, kFloatTolerance, device),
               exact = answer<double>(haar, memory, memory.rule, as_theorem, kDoubleTolerance, device);
  line.accuracy = single.share, line.accuracy_double = exact.share;
  line.measured = {{"largest error, float", single.worst}, {"largest error, double", exact.worst}};
  const int last = haar.thresholds - 1;
  const auto forget = [&](Weights& w) {  // the memory of the last threshold, or the state of the last wavelet
    if (memory.asked && std::string(memory.name) == "H1") {
      for (int atom = 0; atom < haar.atoms; ++atom) w("x_proj.C", kAsked + atom, last) = 0;
    } else if (memory.asked) {
      w("x_proj.C", 2 + 2 * haar.thresholds + haar.atoms - 1, haar.atoms - 1) = 0;
    } else {
      w("out_proj", last, last) = 0;
    }
  };
  line.below.push_back(
      {"one memory fewer", answer<double>(haar, memory, memory.rule, forget, kFloatTolerance, device).share});
  if (std::string(memory.name) != "H1") return line;
  for (const char* rule : {"euler", "zoh"}) {
    const Answer scaled = answer<double>(haar, memory, rule, as_theorem, kFloatTolerance, device);
    line.below.push_back({std::string(rule) + ": the input feels the step size", scaled.share});
    line.measured.emplace_back(std::string("largest error, ") + rule, scaled.worst);
  }
  return line;
}

Verified run_rates(const VerifyRequest& request) {
  const HaarRates rates = haar_rates(3, 200, request.seed);
  Verified line{
      .construction = "H3", .variant = "haar", .task = "piecewise_constant", .setting = "squared L2 error, 3 jumps"};
  line.measured = {{"Haar, log2 error per level (-1)", rates.per_level},
                   {"Haar, log2 error per N / 9 (-1)", rates.per_N_over_3m},
                   {"Fourier, log error per log N (-1)", rates.fourier},
                   {"S4D-Lin, log error per log N (-1)", rates.s4d_lin}};
  const double allowed[] = {0.1, 0.15, 0.15, 0.2};
  for (int i = 0; i < 4; ++i) line.accuracy += std::fabs(line.measured[i].second + 1) < allowed[i] ? 0.25 : 0;
  line.accuracy_double = line.accuracy;
  // An error that halves with every 9 coefficients against one that halves when their number doubles.
  line.below = {{"share of Fourier and S4D-Lin that fall as fast per coefficient, 8 to 128",
                 ((rates.fourier < -16 / 9.0) + (rates.s4d_lin < -16 / 9.0)) / 2.0}};
  return line;
}

}  // namespace

std::vector<VerifyJob> haar_jobs(const VerifyRequest& request) {
  static const Memory memories[] = {{"H1", "mamba", "none", false, s6_sizes, s6_build},
                                    {"H1", "mamba_delta_t", "none", true, delta_t_sizes, delta_t_build},
                                    {"H2", "mamba", "euler", true, wavelet_sizes, wavelet_build}};
  std::vector<VerifyJob> jobs;
  if (!request.task.empty() && request.task != "piecewise_constant") return jobs;
  for (const Memory& memory : memories)
    if (request.variant.empty() || request.variant == memory.variant)
      jobs.push_back([&memory, request](const Device& device) { return run(request, memory, device); });
  if (request.variant.empty()) jobs.push_back([request](const Device&) { return run_rates(request); });
  return jobs;
}

}  // namespace phasegrid::worker
