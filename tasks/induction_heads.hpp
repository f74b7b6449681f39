// How the forms of INDUCTION HEADS (induction_heads.cpp) draw a sequence, on the host or on a device.
#pragma once
#include "kernels/random.hpp"

namespace phasegrid::tasks {

struct GeneralRecipe {
  int vocab, T;

  HD int cells() const { return vocab; }
  template <class Out, class Cells>
  HD void draw(kernels::Random& random, Out& out, Cells follower) const {  // 1 + that of a token's last occurrence
    for (int t = 0, before = -1; t < T; ++t) {
      const auto token = static_cast<std::int32_t>(random.below(vocab));
      if (before >= 0) follower[before] = 1 + token;
      if (follower[token] != 0) out.score(t, static_cast<std::int32_t>(follower[token]) - 1);
      out.token[t] = before = token;
    }
    for (int t = 0; t < T; ++t) follower[out.token[t]] = 0;
  }
};

struct TriggerRecipe {
  int vocab, T;
  bool hard;

  HD int cells() const { return 0; }
  template <class Out, class Cells>
  HD void draw(kernels::Random& random, Out& out, Cells) const {
    const int place = hard ? 0 : static_cast<int>(random.below(T - 2));
    for (int t = 0; t < T; ++t) out.token[t] = static_cast<std::int32_t>(random.below(vocab));
    out.token[place] = out.token[T - 1] = vocab;
    out.score(T - 1, out.token[place + 1]);
  }
};

struct RecencyRecipe {
  int vocab, T, before;

  HD int cells() const { return 0; }
  template <class Out, class Cells>
  HD void draw(kernels::Random& random, Out& out, Cells) const {
    const auto q = static_cast<std::int32_t>(random.below(vocab));
    for (int t = 0; t < before; ++t) out.token[t] = other(random, q);
    const std::int32_t a = other(random, q);
    std::int32_t c = other(random, q);
    while (c == a) c = other(random, q);
    out.token[before] = out.token[before + 2] = out.token[T - 1] = q;
    out.token[before + 1] = a, out.token[before + 3] = c;
    for (int t = before + 4; t < T - 1; ++t) out.token[t] = other(random, q);
    out.score(T - 1, c);
  }

 private:
  HD std::int32_t other(kernels::Random& random, std::int32_t q) const {  // uniform without q
    const auto token = static_cast<std::int32_t>(random.below(vocab - 1));
    return token + (token >= q);
  }
};

}  // namespace phasegrid::tasks
