// POINTER VALUE RETRIEVAL, pointer last, by S6 with one-hot positions (docs/theory.md, 3.8, C8): C1 with positions as
// its keys.
//
//   d = D = L + p, N = L, L = T - 1 values, p = ceil(log2 nu): first the position, of a value or named by the
//   pointer, one-hot; then the bits of the value. Column t keeps the value at t; the pointer reads its column.
//
// The table of one-hot positions marks T, too, where the pointer stands; the pointer's embedding takes that mark away.
// With fewer channels the last positions are not kept.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "worker/models/constructions/parts.hpp"

namespace phasegrid::worker {
namespace {
int nu(const Case& c) { return static_cast<int>(c.task.integer("nu")); }
}  // namespace

Sizes c8_sizes(const Case& c) {
  const int L = c.model.T - 1, d = L + bits_of(nu(c));
  return {d, d, L};
}

std::string c8_fits(const Case& c) {
  const bool table = c.model.positional == Positional::onehot || c.model.positional == Positional::learned;
  return first_of(
      {plain_network_fits(c),
       c.task.word("pointer") == "last" ? ""
                                        : "pointer: values must be kept until they are asked for, expected \"last\"",
       c.task.integer("window") == 1
           ? ""
           : fmt::format("window: one value is read, expected 1, but window = {}", c.task.integer("window")),
       table ? "" : "positional: positions are the keys, expected \"onehot\" or \"learned\"",
       needs_channels(c, 2, "positions and values need a channel each")});
}

void c8_build(const Case& c, Weights& w) {
  const int L = c.model.T - 1, wide = inner_width(c);
  const Codes codes = binary(nu(c), std::clamp(wide - L, 1, bits_of(nu(c))));
  const int places = std::min(L, wide - codes.length), columns = std::min(c.model.N, places);
  for (int v = 0; v < nu(c); ++v)
    for (int j = 0; j < codes.length; ++j) w("embedding.weight", v, places + j) = codes.at(v, j);
  for (int q = 0; q < L; ++q) {
    if (q < places) w("embedding.weight", nu(c) + q, q) = 1;
    if (c.model.positional == Positional::onehot && L < c.model.d) w("embedding.weight", nu(c) + q, L) -= 1;
  }
  for (int t = 0; t < places && c.model.positional == Positional::learned; ++t) w("position.weight", t, t) = 1;
  for (int i = 0; i < places + codes.length; ++i) project(w, i, i), taps(c, w, i, 1);
  for (int i = 0; i < places; ++i) w("x_proj.B", i, i % columns) = w("x_proj.C", i, i % columns) = 1;
  for (int j = 0; j < codes.length; ++j) w("out_proj", places + j, j) = 1;
  keep_everything(w);
  std::vector<int> pointed(static_cast<std::size_t>(places));
  std::iota(pointed.begin(), pointed.end(), 0);
  const double one = activated(c.model, 1);
  decode(w, codes, 0, one * one * one * open_gate(c, w, pointed), c.model.vocab);
}

}  // namespace phasegrid::worker
