#include "worker/models/constructions/parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sweeps/bounds.hpp"

namespace phasegrid::worker {
namespace {

using kernels::Activation;

constexpr double kSlope = 60, kRaised = 30, kPull = 2;  // of open_until

double silu(double x) { return x / (1 + std::exp(-x)); }
double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x))); }

Codes codes(int count, int length, const std::function<double(int, int)>& value) {
  Codes codes{count, length, {}};
  for (int i = 0; i < count; ++i)
    for (int j = 0; j < length; ++j) codes.value.push_back(value(i, j));
  return codes;
}

// A time layer that counts (worker/models/time_layer.hpp), where its weights are there to be trained.
void count_time(const Case& c, Weights& w) {
  w.fill("time.A_log", kNoDecay), w.fill("time.dt_bias", kStepOfOne);
  w("time.B", 0, 0) = w("time.C", 0, 0) = 1, w("time.out_proj.weight", 0, c.model.d - 1) = 1.0 / c.model.T;
}

bool bit(int i, int j) { return j < 31 && (i >> j & 1); }

}  // namespace

Codes one_hot(int count, int length) {
  return codes(count, length, [length](int i, int j) { return i % length == j ? 1.0 : 0.0; });
}
Codes binary(int count, int length) {
  return codes(count, length, [](int i, int j) { return bit(i, j) ? 1.0 : 0.0; });
}
Codes signs(int count, int length) {
  return codes(count, length, [](int i, int j) { return bit(i, j) ? 1.0 : -1.0; });
}
Codes levels(int count) {
  return codes(count, 1, [](int i, int) { return i + 1.0; });
}
Codes random_signs(int count, int length, std::uint64_t key, std::uint64_t which) {
  kernels::Random random(key, static_cast<std::uint32_t>(tasks::Stream::initial), which);
  return codes(count, length, [&random](int, int) { return random.bits() & 1 ? 1.0 : -1.0; });
}

double activated(const ModelSettings& model, double x) {
  return model.activation == Activation::identity ? x
         : model.activation == Activation::relu   ? std::max(x, 0.0)
                                                  : silu(x);
}
bool identity(const ModelSettings& model) { return model.activation == Activation::identity; }
int inner_width(const Case& c) { return std::min(c.model.d, c.model.D); }
int bits_of(std::int64_t symbols) { return static_cast<int>(sweeps::bits_for(symbols)); }

void project(Weights& w, int e, int c, double weight) { w("in_proj.x", e, c) = weight; }

void taps(const Case& c, Weights& w, int channel, double now, double before, double bias, const char* part) {
  if (c.model.conv == 0) return;
  const std::string conv = std::string("conv1d") + part;
  w(conv + ".weight", 0, channel) = now;
  if (c.model.conv > 1) w(conv + ".weight", 1, channel) = before;
  w(conv + ".bias", 0, channel) = bias;
}

void keep_everything(Weights& w) {
  w.fill("A_log", kNoDecay);
  w.fill(w.has("dt_bias") ? "dt_bias" : "dt_proj.bias", kStepOfOne);
}

void time_channel(const Case& c, Weights& w, int inner, double slope, int constant, double offset) {
  const int position = c.model.d - 1;
  if (c.model.positional == Positional::learned) {
    for (int t = 0; t < w.rows("position.weight"); ++t) w("position.weight", t, position) = t + 1;
  } else {
    slope *= c.model.T;  // the scalar position, also of the time layer, is t / T
    if (c.model.time_trained) count_time(c, w);
  }
  project(w, position, inner, slope);
  project(w, constant, inner, offset);
  taps(c, w, inner, 1);
}

std::string time_fits(const Case& c, const char* what) {
  const Positional p = c.model.positional;
  if (p == Positional::scalar || p == Positional::learned || p == Positional::ssm_time) return "";
  return fmt::format("positional: {}, expected \"scalar\", \"learned\" or \"ssm_time\"", what);
}

void open_until(const Case& c, Weights& w, double last, int constant, int inner) {
  time_channel(c, w, inner, kSlope, constant, -kSlope * (last + 0.5));
  const std::string pull = c.model.delta_rank > 0 ? "x_proj.dt" : "dt_proj.weight";
  if (c.model.delta_rank > 0) w(pull, inner, 0) = 1;
  for (int channel = 0; channel < c.model.D; ++channel) {
    if (c.model.delta_rank > 0) w("dt_proj.weight", 0, channel) = -kPull;
    else w(pull, inner, channel) = -kPull;
    w("dt_proj.bias", 0, channel) = kRaised;
  }
}

double step_at_last(const Case& c) { return softplus(kRaised - kPull * activated(c.model, -kSlope / 2)); }

std::string open_until_fits(const Case& c) {
  if (std::string reason = time_fits(c, "the step size follows the position"); !reason.empty()) return reason;
  if (c.model.delta_fixed) return "delta_activation: the step size follows the position, expected \"softplus\"";
  if (c.model.discretisation == kernels::Discretisation::none)
    return "discretisation: a step size of 0 must also keep inputs out, expected \"euler\" or \"zoh\"";
  return "";
}

double open_gate(const Case& c, Weights& w, const std::vector<int>& channels) {
  if (!c.model.gate) return 1;
  for (const int e : channels)
    for (int channel = 0; channel < c.model.D; ++channel) w("in_proj.z", e, channel) = 1;
  return silu(1);
}

void decode(Weights& w, const Codes& codes, int first, double s, int vocab) {
  double longest = 0;
  for (int v = 0; v < codes.count; ++v) {
    double square = 0;
    for (int j = 0; j < codes.length; ++j) {
      w("lm_head.weight", j, first + v) = kSure / s * codes.at(v, j);
      square += codes.at(v, j) * codes.at(v, j);
    }
    w("lm_head.bias", 0, first + v) = -kSure * square / 2;
    longest = std::max(longest, square);
  }
  // At r = s c_v the right logit is kSure |c_v|^2 / 2 >= 0.
  for (int token = 0; token < vocab; ++token)
    if (token < first || token >= first + codes.count) w("lm_head.bias", 0, token) = -kSure * (longest + 1);
}

std::string plain_network_fits(const Case& c) {
  const ModelSettings& m = c.model;
  if (m.layers != 1) return fmt::format("layers: constructions have one layer, expected 1, but layers = {}", m.layers);
  if (m.norm != NormKind::none) return "norm: constructions have no norm, expected \"none\"";
  if (m.final_norm != NormKind::none) return "final_norm: constructions have no norm, expected \"none\"";
  if (m.gated_norm) return "gated_norm: constructions have no norm, expected false";
  if (m.residual) return "residual: the head reads the mixer's output alone, expected false";
  if (m.tied_embedding) return "tied_embedding: the head has weights of its own, expected false";
  if (m.delta_activation != Activation::softplus)
    return "delta_activation: step sizes are written for softplus, expected \"softplus\"";
  if (const auto noise = c.task.numbers.find("token_noise"); noise != c.task.numbers.end() && noise->second > 0)
    return fmt::format("token_noise: constructions bear no noise, expected 0, but token_noise = {}", noise->second);
  return "";
}

std::string clean_recall_fits(const Case& c, const char* filler) {
  if (c.task.word("filler") != filler)
    return fmt::format("filler: expected \"{}\", but filler = \"{}\"", filler, c.task.word("filler"));
  if (c.task.integer("overwrites") > 0)
    return fmt::format("overwrites: what is written is never erased, expected 0, but overwrites = {}",
                       c.task.integer("overwrites"));
  return "";
}

std::string needs_conv(const Case& c) {
  return c.model.conv >= 2
             ? ""
             : fmt::format("conv: a value must see the key before it, expected conv >= 2, but conv = {}", c.model.conv);
}

std::string needs_channels(const Case& c, int least, const char* what) {
  if (c.model.d < least) return fmt::format("d: {}, expected d >= {}, but d = {}", what, least, c.model.d);
  if (c.model.variant != "mamba2" && c.model.D < least)
    return fmt::format("D: {}, expected D >= {}, but D = {}", what, least, c.model.D);
  return "";
}

std::string needs_width(const Case& c, int outer, int inner, const char* what) {
  if (c.model.d < outer) return fmt::format("d: {}, expected d >= {}, but d = {}", what, outer, c.model.d);
  if (c.model.D < inner) return fmt::format("D: {}, expected D >= {}, but D = {}", what, inner, c.model.D);
  return "";
}

std::string first_of(std::initializer_list<std::string> reasons) {
  for (const std::string& reason : reasons)
    if (!reason.empty()) return reason;
  return "";
}

}  // namespace phasegrid::worker
