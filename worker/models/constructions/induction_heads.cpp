// INDUCTION HEADS by Mamba-Delta^T (docs/theory.md, 3.8, C7): d = D = 2 V, N = V, V symbols, triggers included.
//
//   channels   V of this token, taps (1, 0), and V of the token before it, taps (0, 1)
//   B, C       the token before, this token: column u is written when u was just there, and read when it is there again
//   delta[u]   softplus(60 (2 [u was just there] - 1)): that column is erased and written anew, all others are frozen
//   output     the channels of this token as they were kept in column u: what followed u the last time
//
// Exact for every discretisation and any T.
//
// C7b, by S6 of the same sizes: it has no step size for each column, and forgets all of them at one rate, e^-delta =
// 0.45 < 1/2 a step, so that the latest follower outweighs all before it together (E36a). Exact until 0.45^gap
// underflows: gaps of 109 in single precision, 887 in double.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "worker/models/constructions/parts.hpp"

namespace phasegrid::worker {
namespace {
constexpr double kSteep = 60;
constexpr double kForget = 0.8;  // delta with A = -1

int symbols_of(const Case& c) { return std::min(c.model.vocab, inner_width(c) / 2); }

// Tokens and those before them in channels, B and C that write and read columns; returns act(1)^3 and the open gate.
double columns_of_followers(const Case& c, Weights& w) {
  const int V = c.model.vocab, symbols = symbols_of(c), columns = std::min(c.model.N, symbols);
  for (int v = 0; v < V; ++v)
    w("embedding.weight", v, v % symbols) = w("embedding.weight", v, symbols + v % symbols) = 1;
  for (int i = 0; i < symbols; ++i) {
    const int before = symbols + i, column = i % columns;
    project(w, i, i), taps(c, w, i, 1, 0);
    project(w, before, before), taps(c, w, before, 0, 1);
    w("x_proj.B", before, column) = w("x_proj.C", i, column) = 1;
    w("out_proj", i, i) = 1;
  }
  std::vector<int> current(static_cast<std::size_t>(symbols));
  std::iota(current.begin(), current.end(), 0);
  const double one = activated(c.model, 1);
  return one * one * one * open_gate(c, w, current);
}

void followers(const Case& c, Weights& w, double scale) {
  for (int v = 0; v < c.model.vocab; ++v) w("lm_head.weight", v % symbols_of(c), v) = kSure / scale;
}

std::string followers_fit(const Case& c) {
  return first_of({plain_network_fits(c), needs_conv(c),
                   needs_channels(c, 2, "this token and the one before need a channel each")});
}
}  // namespace

Sizes c7_sizes(const Case& c) { return {2 * c.model.vocab, 2 * c.model.vocab, c.model.vocab}; }

std::string c7_fits(const Case& c) {
  const int columns = std::min(c.model.N, c.model.vocab);
  return first_of(
      {followers_fit(c),
       c.model.delta_fixed ? "delta_activation: the step size follows the token before, expected \"softplus\"" : "",
       c.model.delta_rank > 0 && c.model.delta_rank < columns
           ? fmt::format("delta_rank: every column has a step size of its own, expected \"full\" or at least {}, but "
                         "delta_rank = {}",
                         columns, c.model.delta_rank)
           : ""});
}

void c7_build(const Case& c, Weights& w) {
  const int symbols = symbols_of(c), columns = std::min(c.model.N, symbols);
  const double one = activated(c.model, 1), read = columns_of_followers(c, w);
  w.fill("dt_proj.bias", -kSteep);  // A_log = 0: A = -1
  for (int i = 0; i < symbols; ++i) {
    const int before = symbols + i, column = i % columns;
    if (c.model.delta_rank > 0)
      w("x_proj.dt", before, column) = 1, w("dt_proj.weight", column, column) = 2 * kSteep / one;
    else w("dt_proj.weight", before, column) = 2 * kSteep / one;
  }
  followers(c, w, (c.model.discretisation == kernels::Discretisation::euler ? kSteep : 1) * read);
}

Sizes c7b_sizes(const Case& c) { return c7_sizes(c); }

std::string c7b_fits(const Case& c) { return followers_fit(c); }

void c7b_build(const Case& c, Weights& w) {
  const double read = columns_of_followers(c, w);
  w.fill("dt_proj.bias", std::log(std::expm1(kForget)));  // softplus of it is kForget; A_log = 0: A = -1
  const double written = c.model.discretisation == kernels::Discretisation::euler ? kForget
                         : c.model.discretisation == kernels::Discretisation::zoh ? -std::expm1(-kForget)
                                                                                  : 1;
  followers(c, w, written * read);
}

}  // namespace phasegrid::worker
