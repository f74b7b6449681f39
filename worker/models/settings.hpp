// The [model] section of one cell as numbers and enumerators (docs/theory.md, 1.1; names and defaults: worker/schema.cpp).
#pragma once
#include <string>

#include "kernels/activation.hpp"
#include "kernels/scan/scan.hpp"
#include "sweeps/settings.hpp"
#include "tasks/task.hpp"

namespace phasegrid::worker {

enum class NormKind { none, rms, layer };
enum class S4dInit { lin, inv, real, legs };
enum class Positional { none, scalar, onehot, sinusoid, learned, ssm_time };
enum class TokenDynamics { free, divergent, convergent };

struct ModelSettings {
  std::string variant;
  int vocab = 0, T = 0;                    // from the task
  int channels = 0, outputs = 0;           // of a real-valued task: numbers at each position, numbers asked for
  bool noisy = false;                      // noise on embeddings
  int d = 0, D = 0, N = 0, layers = 1, conv = 0;
  kernels::Activation activation = kernels::Activation::silu, delta_activation = kernels::Activation::softplus;
  bool gate = true, residual = false, tied_embedding = false, delta_fixed = false;
  NormKind norm = NormKind::none, final_norm = NormKind::none;
  Positional positional = Positional::none;
  int delta_rank = 0;                      // 0: full
  kernels::Discretisation discretisation = kernels::Discretisation::euler;
  int heads = 1, groups = 1;               // of Mamba-2
  bool gated_norm = false;
  bool s4d_complex = true;
  S4dInit s4d_init = S4dInit::lin;
  int blocks = 1;                          // of B2S6
  bool block_bias = true, block_complex = true;
  double delta_rate = 1;
  bool time_trained = false;               // of ssm_time
  TokenDynamics token_dynamics = TokenDynamics::free;
  bool reorder = false;
  double init_scale = 1;

  int taps() const { return conv > 0 ? conv : 1; }
  bool has_position_table() const { return positional != Positional::none && positional != Positional::ssm_time; }
  // Equal tokens, and equal windows of them, must not share a row.
  bool by_position() const { return positional != Positional::none || reorder; }
};

// Rows of in_proj.weight and channels of conv1d that belong to the mixer. They follow the block's own, which are in the order z, x of
// Mamba-2 if there are any, and in that of Mamba, x, z, if not.
struct BlockRows {
  int projected = 0, convolved = 0;
};

ModelSettings model_settings(const sweeps::Settings& settings, int vocab, int T);
ModelSettings model_settings(const sweeps::Settings& settings, const tasks::Task& task);

}  // namespace phasegrid::worker
