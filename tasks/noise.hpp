// Noise, for every task.
//
// Token noise: each token at a position that is not scored is replaced, with probability `token_noise`, by a uniform one of the
// whole vocabulary (which may be the same). Labels stay those of the clean sequence.
//
// token_noise = 0.3, KEEP n-TH with n = 2: the answer itself has been hit.
//
//   clean    7  3  0  3  9  4
//   tokens   7  8  0  3  1  4
//   targets  .  .  .  .  .  3
//
// Ceiling. Where one token carries a label, one who is told which tokens were replaced and knows all the rest is right with
// probability 1 - token_noise (1 - guess), Task::guess() being the chance to guess what was lost; no model does better.
//
// Embedding noise: every position's embedding e becomes e + s n, n standard normal in each of its d components, drawn anew for
// every position of every sequence, in training and in tests, s = `embedding_noise`. Positions are added to what has been
// hit. The batch brings a key per sequence, and the model draws the noise from it, since the task does not know d. Ceilings
// stay: a model may let its embeddings grow beyond any noise.
#pragma once
#include "tasks/task.hpp"

namespace phasegrid::tasks {

TaskEntry with_embedding_noise(TaskEntry entry);  // the same task with the option embedding_noise
TaskEntry with_noise(TaskEntry entry);            // with token_noise and embedding_noise

}  // namespace phasegrid::tasks
