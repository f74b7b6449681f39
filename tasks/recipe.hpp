// How a sequence is drawn, in plain numbers: what a device can be told, and what draws on the host, too. Each recipe is written
// once, beside its task: given the sequence's generator, room for its tokens, and cells (draw.hpp) of its own, which are zero
// before and after.
//
//   Out   token[0 .. T - 1]: to be written; score(t, label): in ascending order of t; scored(t): asked in that order, afterwards
#pragma once
#include "tasks/induction_heads.hpp"
#include "tasks/keep_nth.hpp"
#include "tasks/mqar.hpp"
#include "tasks/task.hpp"

namespace phasegrid::tasks {

// Token noise (noise.hpp) of chance replaced / 2^32.
template <class Out>
HD void replace_tokens(kernels::Random& random, int T, std::uint32_t vocab, std::uint64_t replaced, Out& out) {
  for (int t = 0; t < T; ++t)
    if (!out.scored(t) && random.bits() < replaced) out.token[t] = static_cast<std::int32_t>(random.below(vocab));
}

struct Recipe {
  enum class Kind : std::int32_t { keep_nth, mqar, general, trigger, recency } kind;
  union {
    KeepNthRecipe keep_nth;
    MqarRecipe mqar;
    GeneralRecipe general;
    TriggerRecipe trigger;
    RecencyRecipe recency;
  };
  int vocab, T;
  std::uint64_t replaced;  // of token noise; 0: none

  int cells() const {
    switch (kind) {
      case Kind::mqar: return mqar.cells();
      case Kind::general: return general.cells();
      default: return 0;
    }
  }
  UrnTable* urn() { return kind == Kind::mqar ? &mqar.offsets : nullptr; }  // the only memory that it points at

  // Each recipe is copied: what it says must not be read anew after every token that is written.
  template <class Out, class Cells>
  HD void draw(kernels::Random& random, Out& out, Cells cells) const {
    switch (kind) {
      case Kind::keep_nth: follow(KeepNthRecipe(keep_nth), random, out, cells); break;
      case Kind::mqar: follow(MqarRecipe(mqar), random, out, cells); break;
      case Kind::general: follow(GeneralRecipe(general), random, out, cells); break;
      case Kind::trigger: follow(TriggerRecipe(trigger), random, out, cells); break;
      case Kind::recency: follow(RecencyRecipe(recency), random, out, cells); break;
    }
    if (replaced > 0) replace_tokens(random, T, static_cast<std::uint32_t>(vocab), replaced, out);
  }

 private:
  template <class Of, class Out, class Cells>
  HD static void follow(const Of recipe, kernels::Random& random, Out& out, Cells cells) {
    recipe.draw(random, out, cells);
  }
};

// The last sequence of a batch.
struct Appended {
  Batch& batch;
  std::int32_t* token;
  std::size_t next;  // of its scored positions

  void score(int t, std::int32_t label) { batch.score(t, label); }
  bool scored(int t) { return next < batch.position.size() && batch.position[next] == t && ++next; }
};

template <class Of>
void append(const Of& recipe, kernels::Random& random, Batch& batch) {
  const std::size_t row = batch.tokens.size();
  batch.tokens.resize(row + static_cast<std::size_t>(recipe.T));
  Appended out{batch, batch.tokens.data() + row, batch.position.size()};
  recipe.draw(random, out, zero_cells(static_cast<std::size_t>(recipe.cells())));
  batch.end_sequence();
}

}  // namespace phasegrid::tasks
