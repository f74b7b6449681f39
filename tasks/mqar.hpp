// How multi-query associative recall (mqar.cpp) draws a sequence, on the host or on a device.
#pragma once
#include "tasks/draw.hpp"

namespace phasegrid::tasks {

struct MqarRecipe {
  int kappa, nu, pairs, stored, vocab, T, places;  // stored: pairs and overwrites
  bool random_filler, distinct_values;
  UrnTable offsets;

  HD int most_moved() const {
    const int n = distinct_values && nu > kappa ? nu : kappa;
    return n > pairs ? n : pairs;
  }
  HD int cells() const {
    return 2 * pairs + stored + (stored - pairs) + places + most_moved() + static_cast<int>(offsets.cells());
  }

  template <class Out, class Cells>
  HD void draw(kernels::Random& random, Out& out, Cells cells) const {
    const Cells moved = cells, removed = moved + most_moved(), pair_at = removed + static_cast<int>(offsets.cells());
    const Cells keys = pair_at + places, values = keys + pairs, again = values + stored, place_of = again + (stored - pairs);
    draw_distinct(random, kappa, pairs, keys, moved);
    if (distinct_values) {
      draw_distinct(random, nu, stored, values, moved);
    } else {
      for (int i = 0; i < stored; ++i) values[i] = random.below(nu);
    }
    offsets.draw(random, pairs, place_of, removed);
    for (int i = 0; i < pairs; ++i) pair_at[place_of[i]] = 1 + i;  // who is asked for at this place
    draw_distinct(random, pairs, stored - pairs, again, moved);
    for (int i = 0; i < stored; ++i) {
      out.token[2 * i] = 1 + keys[i < pairs ? i : again[i - pairs]], out.token[2 * i + 1] = 1 + kappa + values[i];
    }
    for (int i = pairs; i < stored; ++i) values[again[i - pairs]] = values[i];
    for (int t = 2 * stored, place = 0; place < places; ++place, t += 2) {
      std::int32_t query = 0;
      if (const std::uint32_t i = pair_at[place]) {
        query = 1 + keys[i - 1];
        out.score(t, 1 + kappa + values[i - 1]);
      } else if (random_filler) {
        query = random.below(vocab);
      }
      out.token[t] = query, out.token[t + 1] = random_filler ? random.below(vocab) : 0;
      pair_at[place] = 0;
    }
    // Cells beyond pair_at hold what was drawn; all of them are zero again for the next draw of another kind.
    for (int i = 0; i < 2 * stored + pairs; ++i) keys[i] = 0;
  }
};

}  // namespace phasegrid::tasks
