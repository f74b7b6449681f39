// KEEP n-TH (docs/theory.md, 3.5, E30 and E31): p = ceil(log2 vocab) channels carry the bits of the token.
//
//   C5   S6 and the position, d = D = p + 2, N = 1: bits, a constant 1, the position t. The step size is large up to n
//        and ~0 after it: what came before n is erased, token n is latched, and e^-delta = 1 - 1e-13 holds it. B and C
//        read the constant
//   C6   S4D, d = D = p, N = 2 (floor(T/2) + 1): undamped modes A_k = 2 pi i k / T with
//        C_k = w_k e^{-2 pi i k (T-n)/T} / (T f_k), w = 1/2 for k = 0 and T/2, else 1: the impulse response is 1 at
//        lag T - n and 0 at all others below T. With a gate one channel more, a constant that opens it. With fewer
//        modes the highest frequencies are missing
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <complex>

#include "worker/models/constructions/parts.hpp"

namespace phasegrid::worker {
namespace {

constexpr double kPi = 3.14159265358979323846;

int vocab_bits(const Case& c) { return bits_of(c.model.vocab); }

void embed(const Case& c, Weights& w, const Codes& codes) {
  for (int v = 0; v < codes.count; ++v)
    for (int j = 0; j < codes.length; ++j) w("embedding.weight", v, j) = codes.at(v, j);
  for (int j = 0; j < codes.length; ++j) project(w, j, j), taps(c, w, j, 1), w("out_proj", j, j) = 1;
}

void constant_channel(const Case& c, Weights& w, int channel) {
  for (int v = 0; v < c.model.vocab; ++v) w("embedding.weight", v, channel) = 1;
}

}  // namespace

Sizes c5_sizes(const Case& c) { return {vocab_bits(c) + 2, vocab_bits(c) + 2, 1}; }
std::string c5_fits(const Case& c) {
  return first_of({plain_network_fits(c), open_until_fits(c),
                   needs_channels(c, 3, "a bit, a constant and the position need a channel each")});
}
void c5_build(const Case& c, Weights& w) {
  const Codes codes = binary(c.model.vocab, std::min(vocab_bits(c), inner_width(c) - 2));
  const int constant = codes.length, n = static_cast<int>(c.task.integer("n"));
  embed(c, w, codes);
  constant_channel(c, w, constant);
  project(w, constant, constant), taps(c, w, constant, 1);
  open_until(c, w, n, constant, constant + 1);
  w("x_proj.B", constant, 0) = w("x_proj.C", constant, 0) = 1;  // A_log = 0: A = -1
  const double delta = step_at_last(c), one = activated(c.model, 1);
  const double latched = c.model.discretisation == kernels::Discretisation::zoh ? -std::expm1(-delta) : delta;
  decode(w, codes, 0, latched * one * one * one * open_gate(c, w, {constant}), c.model.vocab);
}

Sizes c6_sizes(const Case& c) {
  const int p = vocab_bits(c) + c.model.gate;
  return {p, p, 2 * (c.model.T / 2 + 1)};
}
std::string c6_fits(const Case& c) {
  return first_of({plain_network_fits(c), c.model.s4d_complex ? "" : "s4d_mode: modes turn, expected \"complex\"",
                   c.model.gate ? needs_channels(c, 2, "a bit and the gate's constant need a channel each") : ""});
}
void c6_build(const Case& c, Weights& w) {
  const int T = c.model.T, n = static_cast<int>(c.task.integer("n"));
  const Codes codes = binary(c.model.vocab, std::min(vocab_bits(c), inner_width(c) - c.model.gate));
  embed(c, w, codes);
  if (c.model.gate) constant_channel(c, w, codes.length);
  w.fill("A_real_log", kNoDecay);
  w.fill("B_real", 1);
  const int modes = std::min(c.model.N / 2, T / 2 + 1);
  for (int k = 0; k < modes; ++k) {
    const std::complex<double> A(0, 2 * kPi * k / T);
    const std::complex<double> f =
        k > 0 && c.model.discretisation == kernels::Discretisation::zoh ? (std::exp(A) - 1.0) / A : 1.0;
    const double weight = k == 0 || 2 * k == T ? 0.5 : 1;
    const std::complex<double> C = weight * std::polar(1.0, -2 * kPi * k * (T - n) / T) / (static_cast<double>(T) * f);
    for (int channel = 0; channel < codes.length; ++channel)
      w("A_imag", k, channel) = A.imag(), w("C_real", k, channel) = C.real(), w("C_imag", k, channel) = C.imag();
  }
  decode(w, codes, 0, activated(c.model, 1) * open_gate(c, w, {codes.length}), c.model.vocab);
}

}  // namespace phasegrid::worker
