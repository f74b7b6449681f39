#include "worker/models/settings.hpp"

#include <cmath>
#include <stdexcept>
#include <utility>

#include "worker/schema.hpp"

namespace phasegrid::worker {
namespace {

using kernels::Activation;
using kernels::Discretisation;

template <class Enum>
Enum by_name(const std::string& word, std::initializer_list<std::pair<const char*, Enum>> names) {
  for (const auto& [name, value] : names)
    if (word == name) return value;
  throw std::logic_error("the schema allowed a word that the model does not know: " + word);
}

NormKind norm_kind(const std::string& word) {
  return by_name<NormKind>(word, {{"none", NormKind::none}, {"rms", NormKind::rms}, {"layer", NormKind::layer}});
}

}  // namespace

ModelSettings model_settings(const sweeps::Settings& s, int vocab, int T) {
  ModelSettings m;
  m.variant = s.word("variant");
  m.vocab = vocab, m.T = T;
  m.d = static_cast<int>(s.integer("d"));
  m.D = static_cast<int>(s.integer("D"));
  m.N = static_cast<int>(s.integer("N"));
  m.layers = static_cast<int>(s.integer("layers"));
  m.conv = static_cast<int>(s.integer("conv"));
  m.activation = by_name<Activation>(s.word("activation"), {{"silu", Activation::silu}, {"identity", Activation::identity}, {"relu", Activation::relu}});
  m.delta_fixed = s.word("delta_activation") == "fixed";
  m.delta_activation = by_name<Activation>(s.word("delta_activation"), {{"softplus", Activation::softplus},
                                                                       {"fixed", Activation::softplus},
                                                                       {"sigmoid", Activation::sigmoid},
                                                                       {"tanh", Activation::one_plus_tanh},
                                                                       {"relu", Activation::relu}});
  m.gate = s.boolean("gate"), m.residual = s.boolean("residual"), m.tied_embedding = s.boolean("tied_embedding");
  m.norm = norm_kind(s.word("norm"));
  m.final_norm = norm_kind(s.word("final_norm"));
  m.positional = by_name<Positional>(s.word("positional"), {{"none", Positional::none},
                                                            {"scalar", Positional::scalar},
                                                            {"onehot", Positional::onehot},
                                                            {"sinusoid", Positional::sinusoid},
                                                            {"learned", Positional::learned},
                                                            {"ssm_time", Positional::ssm_time}});
  m.time_trained = s.word("time_layer") == "trained";
  if (reads(s, "token_dynamics"))
    m.token_dynamics = by_name<TokenDynamics>(s.word("token_dynamics"), {{"free", TokenDynamics::free},
                                                                       {"divergent", TokenDynamics::divergent},
                                                                       {"convergent", TokenDynamics::convergent}});
  m.reorder = reads(s, "reorder") && s.word("reorder") == "softsort";
  if (!s.is_word("delta_rank")) m.delta_rank = static_cast<int>(s.integer("delta_rank"));
  else m.delta_rank = s.word("delta_rank") == "full" ? 0 : (m.d + 15) / 16;
  m.discretisation = by_name<Discretisation>(s.word("discretisation"), {{"euler", Discretisation::euler}, {"zoh", Discretisation::zoh}, {"none", Discretisation::none}});
  if (reads(s, "heads")) m.heads = static_cast<int>(head_count(s));
  if (reads(s, "groups")) m.groups = static_cast<int>(s.integer("groups"));
  m.gated_norm = reads(s, "gated_norm") && s.boolean("gated_norm");
  m.s4d_complex = s.word("s4d_mode") == "complex";
  m.s4d_init = by_name<S4dInit>(s.word("s4d_init"), {{"lin", S4dInit::lin}, {"inv", S4dInit::inv}, {"real", S4dInit::real}, {"legs", S4dInit::legs}});
  m.blocks = static_cast<int>(s.integer("blocks"));
  m.block_bias = s.boolean("block_bias"), m.block_complex = s.boolean("block_complex");
  m.delta_rate = s.real("delta_rate");
  m.init_scale = s.real("init_scale");
  return m;
}

ModelSettings model_settings(const sweeps::Settings& settings, const tasks::Task& task) {
  ModelSettings m = model_settings(settings, task.vocab(), task.T());
  m.channels = task.channels(), m.outputs = task.outputs(), m.noisy = task.embedding_noise() > 0;
  return m;
}

}  // namespace phasegrid::worker
