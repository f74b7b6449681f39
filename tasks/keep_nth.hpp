// How KEEP n-TH (keep_nth.cpp) draws a sequence, on the host or on a device.
#pragma once
#include "kernels/random.hpp"

namespace phasegrid::tasks {

struct KeepNthRecipe {
  int n, vocab, T;

  HD int cells() const { return 0; }
  template <class Out, class Cells>
  HD void draw(kernels::Random& random, Out& out, Cells) const {
    for (int t = 0; t < T; ++t) out.token[t] = static_cast<std::int32_t>(random.below(vocab));
    out.score(T - 1, out.token[n - 1]);
  }
};

}  // namespace phasegrid::tasks
