// MQAR by slots (docs/theory.md, 3.3 and 3.4, E29): every slot of p inner channels keeps the values of N keys, apart
// in N state columns, and the gate lets only the slot of the queried key through.
//
//   key k      slot s = (k / N) mod S, column k mod N, S = ceil(kappa / N) slots
//   channel    (s, j), j < p: x = 1 on keys of slot s, -1 on values with bit j; taps (-1, 1), bias -1, and relu:
//              1 where the token before was a key of the slot and this one has bit j, else 0
//   C4         Mamba-2, any 1 <= N <= kappa: D = S p, d = kappa + p. B: column of the key before, C: of this key
//   C3         S4D, N = 1 (a complex state counts two): D = kappa p. A = 0, B = C = 1
//
// silu in relu's place: taps and bias 30 times as large, an error of e^-30.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "worker/models/constructions/parts.hpp"

namespace phasegrid::worker {
namespace {

int kappa(const Case& c) { return static_cast<int>(c.task.integer("kappa")); }
int nu(const Case& c) { return static_cast<int>(c.task.integer("nu")); }
int bits(const Case& c) { return bits_of(nu(c)); }

struct Slots {
  int keys, bits, columns, slots;
  int slot(int k) const { return k / columns % slots; }
  int column(int k) const { return k % columns; }
  int channel(int slot, int bit) const { return slot * bits + bit; }
};

Slots slots_of(const Case& c, int N) {
  Slots s{};
  s.bits = std::min(std::clamp(c.model.d - kappa(c), 1, bits(c)), c.model.D);
  s.keys = std::min(kappa(c), c.model.d - s.bits);
  s.columns = std::min(N, s.keys);
  s.slots = std::clamp(c.model.D / s.bits, 1, (s.keys + s.columns - 1) / s.columns);
  return s;
}

// Everything but the mixer; `read`: what the mixer multiplies a kept 1 by.
void build(const Case& c, Weights& w, const Slots& s, double read) {
  const Codes values = binary(nu(c), s.bits);
  for (int k = 0; k < kappa(c); ++k) w("embedding.weight", 1 + k, k % s.keys) = 1;
  for (int v = 0; v < nu(c); ++v)
    for (int j = 0; j < s.bits; ++j) w("embedding.weight", 1 + kappa(c) + v, s.keys + j) = values.at(v, j);
  const double steep = c.model.activation == kernels::Activation::silu ? 30 : 1;
  for (int j = 0; j < s.bits; ++j) {
    for (int k = 0; k < s.keys; ++k) {
      const int channel = s.channel(s.slot(k), j);
      project(w, k, channel);
      w("in_proj.z", k, channel) = 1;
    }
    for (int slot = 0; slot < s.slots; ++slot) {
      const int channel = s.channel(slot, j);
      project(w, s.keys + j, channel, -1);
      taps(c, w, channel, -steep, steep, -steep);
      w("out_proj", channel, j) = 1;
    }
  }
  const double gate = 1 / (1 + std::exp(-1.0));  // silu(1)
  decode(w, values, 1 + kappa(c), activated(c.model, steep) * read * gate, c.model.vocab);
}

std::string slots_fit(const Case& c) {
  return first_of({plain_network_fits(c), clean_recall_fits(c, "zero"), needs_conv(c),
                   c.model.gate ? "" : "gate: the gate picks the slot of the key, expected true",
                   identity(c.model) ? "activation: key and bit are joined by relu or silu, expected one of them" : "",
                   c.model.d < 2
                       ? fmt::format("d: keys and values need a channel each, expected d >= 2, but d = {}", c.model.d)
                       : ""});
}

}  // namespace

Sizes c3_sizes(const Case& c) { return {kappa(c) + bits(c), kappa(c) * bits(c), c.model.s4d_complex ? 2 : 1}; }
std::string c3_fits(const Case& c) { return slots_fit(c); }
void c3_build(const Case& c, Weights& w) {
  const Slots s = slots_of(c, 1);
  w.fill(c.model.s4d_complex ? "A_real_log" : "A_log", -40);
  w.fill(c.model.s4d_complex ? "B_real" : "B", 1);
  for (int channel = 0; channel < s.slots * s.bits;
       ++channel)  // y = 2 Re(C h) if complex; log_dt = 0: a step size of 1
    w(c.model.s4d_complex ? "C_real" : "C", 0, channel) = c.model.s4d_complex ? 0.5 : 1;
  build(c, w, s, 1);
}

Sizes c4_sizes(const Case& c) {
  const int N = std::min(c.model.N, kappa(c));
  return {kappa(c) + bits(c), (kappa(c) + N - 1) / N * bits(c), N};
}
std::string c4_fits(const Case& c) { return slots_fit(c); }
void c4_build(const Case& c, Weights& w) {
  const Slots s = slots_of(c, c.model.N);
  keep_everything(w);
  for (int group = 0; group < c.model.groups; ++group)
    for (int k = 0; k < s.keys; ++k) {
      const int column = group * c.model.N + s.column(k);
      w("in_proj.B", k, column) = w("in_proj.C", k, column) = 1;
      taps(c, w, column, 0, 1, 0, ".B"), taps(c, w, column, 1, 0, 0, ".C");
    }
  const double one = activated(c.model, 1);
  build(c, w, s, one * one);
}

}  // namespace phasegrid::worker
