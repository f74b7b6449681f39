// MQAR by one additive memory (docs/theory.md, 3.1 and 3.2, E24 to E28): at a value the code of the key before it
// selects where the code of the value is added; at a query the key's code reads it back,
// r = sum_i <phi_k, phi_i> c_i, decoded to the nearest c.
//
//   S6        d = D = m_k + m_v, N = m_k. Key channels pass through taps (1, alpha), value channels through (1, 0),
//             so that at a value B = alpha phi of the key before it, and at a query C = phi
//   Mamba-2   d = m_k + m_v, D = m_v, N = m_k. Taps of x (1, 0), of B (0, 1), of C (1, 0)
//
//          key codes (kappa, m_k)   value codes (nu, m_v)   exact for
//   C1     one-hot                  bits 0, 1               every assignment; Mamba-2: C2b, bits -1, 1 if signed
//   C1'    one-hot                  1 .. nu, one channel    every assignment, at a precision far below 1 / nu^2
//   C1b    one-hot                  bits                    random filler: a step size that closes after the pairs
//   C2a    signs, ceil(log2 kappa)  one-hot                 distinct values: <phi_k, phi_k> > <phi_k, phi_i>
//   C2c    random signs             random signs            on average, at the sizes of sweeps::jl_sizes
//
// Behind silu or relu only codes of 0 and 1 survive, signed ones need the identity.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "sweeps/bounds.hpp"
#include "worker/models/constructions/parts.hpp"

namespace phasegrid::worker {
namespace {

constexpr double kAlpha = 0.1;

int kappa(const Case& c) { return static_cast<int>(c.task.integer("kappa")); }
int nu(const Case& c) { return static_cast<int>(c.task.integer("nu")); }
bool mamba2(const Case& c) { return c.model.variant == "mamba2"; }
// Channels for key and value codes together, and those that values may have.
int width(const Case& c) { return mamba2(c) ? c.model.d : inner_width(c); }
int value_width(const Case& c, int keys, int kept = 0) {
  const int left = width(c) - kept - keys;
  return mamba2(c) ? std::min(c.model.D, left) : left;
}

struct Memory {
  Codes keys, values;
  double alpha = kAlpha;
};

// Writes the memory without its decoder; returns what it multiplies a code word by.
double write(const Case& c, Weights& w, const Memory& memory) {
  const Codes &keys = memory.keys, &values = memory.values;
  const int first_value = keys.length, columns = std::min(keys.length, c.model.N);
  for (int k = 0; k < keys.count; ++k)
    for (int j = 0; j < keys.length; ++j) w("embedding.weight", 1 + k, j) = keys.at(k, j);
  for (int v = 0; v < values.count; ++v)
    for (int j = 0; j < values.length; ++j)
      w("embedding.weight", 1 + keys.count + v, first_value + j) = values.at(v, j);
  const double one = activated(c.model, 1);
  if (mamba2(c)) {
    for (int j = 0; j < values.length; ++j) project(w, first_value + j, j), taps(c, w, j, 1), w("out_proj", j, j) = 1;
    for (int group = 0; group < c.model.groups; ++group)
      for (int j = 0; j < keys.length; ++j) {
        const int column = group * c.model.N + j % columns;
        w("in_proj.B", j, column) = w("in_proj.C", j, column) = 1;
        taps(c, w, column, 0, 1, 0, ".B"), taps(c, w, column, 1, 0, 0, ".C");
      }
    return one * one * one;
  }
  for (int j = 0; j < keys.length; ++j) {
    project(w, j, j), taps(c, w, j, 1, memory.alpha);
    w("x_proj.B", j, j % columns) = w("x_proj.C", j, j % columns) = 1;
  }
  for (int j = 0; j < values.length; ++j)
    project(w, first_value + j, first_value + j), taps(c, w, first_value + j, 1), w("out_proj", first_value + j, j) = 1;
  return one * one * activated(c.model, memory.alpha);
}

std::vector<int> channels_up_to(int n) {
  std::vector<int> channels(static_cast<std::size_t>(n));
  std::iota(channels.begin(), channels.end(), 0);
  return channels;
}

void build(const Case& c, Weights& w, const Memory& memory, bool gated) {
  double s = write(c, w, memory);
  keep_everything(w);
  if (gated) s *= open_gate(c, w, channels_up_to(memory.keys.length));
  decode(w, memory.values, 1 + memory.keys.count, s, c.model.vocab);
}

// Value bits and one-hot keys for `room` channels: bits go first.
Memory one_hot_memory(const Case& c, int kept, bool with_signs) {
  const int room = width(c) - kept, p = bits_of(nu(c));
  int bits = std::clamp(room - kappa(c), 1, p);
  if (mamba2(c)) bits = std::min(bits, c.model.D);
  const int keys = std::min(kappa(c), room - bits);
  return {one_hot(kappa(c), keys), with_signs ? signs(nu(c), bits) : binary(nu(c), bits)};
}

std::string identity_fits(const Case& c) {
  if (!identity(c.model)) return "activation: codes of both signs must pass, expected \"identity\"";
  return c.model.gate ? "gate: no projection of these keys is the same for all, expected false" : "";
}

std::string memory_fits(const Case& c) {
  return first_of({plain_network_fits(c), clean_recall_fits(c, "zero"), needs_conv(c),
                   needs_channels(c, 2, "keys and values need a channel each")});
}

}  // namespace

Sizes c1_sizes(const Case& c) {
  const int p = bits_of(nu(c)), d = kappa(c) + p;
  return {d, mamba2(c) ? p : d, kappa(c)};
}
std::string c1_fits(const Case& c) { return memory_fits(c); }
void c1_build(const Case& c, Weights& w) { build(c, w, one_hot_memory(c, 0, identity(c.model) && mamba2(c)), true); }

Sizes c1_scalar_sizes(const Case& c) { return {kappa(c) + 1, kappa(c) + 1, kappa(c)}; }
std::string c1_scalar_fits(const Case& c) {
  const bool bent = c.model.activation == kernels::Activation::silu;
  return first_of(
      {memory_fits(c), bent ? "activation: values are levels of one channel, expected \"identity\" or \"relu\"" : ""});
}
void c1_scalar_build(const Case& c, Weights& w) {
  build(c, w, {one_hot(kappa(c), std::min(kappa(c), width(c) - 1)), levels(nu(c))}, true);
}

// C1 with two more channels: a constant one, and the position, which closes the step size after the 2 n tokens of the
// pairs. Behind the identity the step size grows towards the start, so that only signs of what was written can be
// trusted; a query then reads a share of alpha (largest / smallest step size) of what the token before it names:
// alpha < 1 / (4 n - 3).
Sizes c1b_sizes(const Case& c) {
  const int d = kappa(c) + bits_of(nu(c)) + 2;
  return {d, d, kappa(c)};
}
std::string c1b_fits(const Case& c) {
  return first_of({plain_network_fits(c), clean_recall_fits(c, "random"), needs_conv(c), open_until_fits(c),
                   needs_channels(c, 4, "a key, a value, a constant and the position need a channel each")});
}
void c1b_build(const Case& c, Weights& w) {
  const int pairs = static_cast<int>(c.task.integer("pairs"));
  Memory memory = one_hot_memory(c, 2, identity(c.model));
  if (identity(c.model)) memory.alpha = 1.0 / (8 * pairs);
  double s = write(c, w, memory);
  keep_everything(w);
  const int constant = memory.keys.length + memory.values.length;
  for (int token = 0; token < c.model.vocab; ++token) w("embedding.weight", token, constant) = 1;
  open_until(c, w, 2 * pairs, constant, constant + 1);
  s *= step_at_last(c) * open_gate(c, w, {constant});
  decode(w, memory.values, 1 + memory.keys.count, s, c.model.vocab);
}

Sizes c2a_sizes(const Case& c) {
  const int code = bits_of(kappa(c)), d = code + nu(c);
  return {d, mamba2(c) ? nu(c) : d, code};
}
std::string c2a_fits(const Case& c) {
  const bool repeated = !c.task.boolean("distinct_values");
  return first_of({memory_fits(c), identity_fits(c),
                   repeated ? "distinct_values: a value that comes twice outvotes the right one, expected true" : ""});
}
void c2a_build(const Case& c, Weights& w) {
  const int code = std::min({bits_of(kappa(c)), c.model.N, width(c) - 1});
  build(c, w, {signs(kappa(c), code), one_hot(nu(c), std::min(nu(c), value_width(c, code)))}, false);
}

Sizes c2c_sizes(const Case& c) {
  const auto sizes = sweeps::jl_sizes(kappa(c), c.task.integer("pairs"), nu(c), 0.01);
  if (!sizes) return {};
  return {sizes->mk + sizes->mv, mamba2(c) ? sizes->mv : sizes->mk + sizes->mv, sizes->mk};
}
std::string c2c_fits(const Case& c) { return c2a_fits(c); }
void c2c_build(const Case& c, Weights& w) {
  const int code = std::min(c.model.N, width(c) - 1), values = value_width(c, code);
  build(c, w, {random_signs(kappa(c), code, c.key, 1), random_signs(nu(c), values, c.key, 2)}, false);
}

}  // namespace phasegrid::worker
