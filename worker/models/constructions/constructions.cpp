#include "worker/models/constructions/constructions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "worker/schema.hpp"
#include "worker/training.hpp"

namespace phasegrid::worker {
namespace {

struct Chosen {
  const Construction* construction = nullptr;
  std::string reason;  // why there is none
};

Chosen choose(const sweeps::Settings& settings) {
  const std::string &variant = settings.word("variant"), &task = settings.word("task"),
                    &wish = settings.word("construction");
  const bool any = wish == "auto";
  const Case c = construction_case(settings);
  Chosen chosen;
  for (const Construction& line : all_constructions()) {
    if (line.variant != variant || line.task != task || (!any && line.name != wish)) continue;
    const std::string reason = line.fits(c);
    if (reason.empty()) return {&line, ""};
    if (chosen.reason.empty()) chosen.reason = reason + " (construction " + line.name + ")";
  }
  if (!chosen.reason.empty()) return chosen;
  if (any)
    return {nullptr, fmt::format("init: no theorem gives weights of {} for {}, expected \"random\"", variant, task)};
  return {nullptr, fmt::format("construction: {} does not solve {} with {}, expected \"auto\" or another one", wish,
                               task, variant)};
}

}  // namespace

const std::vector<Construction>& all_constructions() {
  static const std::vector<Construction> table = {
      {"C1", "mamba", "mqar", "one-hot keys, value bits", c1_sizes, c1_fits, c1_build},
      {"C1b", "mamba", "mqar", "C1 for random filler: nothing is written after the pairs", c1b_sizes, c1b_fits,
       c1b_build},
      {"C1'", "mamba", "mqar", "one-hot keys, values as levels of one channel", c1_scalar_sizes, c1_scalar_fits,
       c1_scalar_build},
      {"C2a", "mamba", "mqar", "keys as sign codes, one-hot values that do not repeat", c2a_sizes, c2a_fits, c2a_build},
      {"C2c", "mamba", "mqar", "random codes of keys and values: right on average", c2c_sizes, c2c_fits, c2c_build},
      {"C4", "mamba2", "mqar", "slots of N columns each, picked by the gate", c4_sizes, c4_fits, c4_build},
      {"C2b", "mamba2", "mqar", "one-hot keys, value bits", c1_sizes, c1_fits, c1_build},
      {"C2a", "mamba2", "mqar", "keys as sign codes, one-hot values that do not repeat", c2a_sizes, c2a_fits,
       c2a_build},
      {"C2c", "mamba2", "mqar", "random codes of keys and values: right on average", c2c_sizes, c2c_fits, c2c_build},
      {"C3", "mamba_s4d", "mqar", "a slot for every key, picked by the gate", c3_sizes, c3_fits, c3_build},
      {"C5", "mamba", "keep_nth", "a step size that closes after n", c5_sizes, c5_fits, c5_build},
      {"C6", "s4d", "keep_nth", "an impulse response that is 1 at one lag", c6_sizes, c6_fits, c6_build},
      {"C6", "mamba_s4d", "keep_nth", "an impulse response that is 1 at one lag", c6_sizes, c6_fits, c6_build},
      {"C7", "mamba_delta_t", "induction_heads", "a column for every symbol, erased and written anew", c7_sizes,
       c7_fits, c7_build},
      {"C7b", "mamba", "induction_heads", "a column for every symbol, all forgotten at one rate: gaps below 100", c7b_sizes,
       c7b_fits, c7b_build},
      {"C8", "mamba", "pointer_value_retrieval", "positions as keys", c8_sizes, c8_fits, c8_build},
      {"H1", "mamba", "piecewise_constant", "channels that sum from a position on", h1_channel_sizes, h1_fits,
       h1_channel_build},
      {"H1", "mamba_delta_t", "piecewise_constant", "columns that sum from a position on", h1_column_sizes, h1_fits,
       h1_column_build},
      {"H2", "mamba", "piecewise_constant", "Haar wavelets as B", h2_sizes, h2_fits, h2_build},
      {"H3", "s4d", "piecewise_constant", "Fourier series", h3_sizes, h3_fits, h3_build},
      {"H3", "mamba_s4d", "piecewise_constant", "Fourier series", h3_sizes, h3_fits, h3_build},
  };
  return table;
}

std::vector<std::string> construction_names() {
  std::vector<std::string> names = {"auto"};
  for (const Construction& line : all_constructions())
    if (std::find(names.begin(), names.end(), line.name) == names.end()) names.push_back(line.name);
  return names;
}

Case construction_case(const sweeps::Settings& settings) {
  const TaskFacts facts = task_facts(settings);
  Case c{model_settings(settings, facts.vocab, facts.T), task_options(settings)};
  c.model.channels = facts.channels, c.model.outputs = facts.outputs, c.model.noisy = facts.noisy;
  return c;
}

std::string construction_fits(const sweeps::Settings& settings) {
  return settings.word("init") == "construction" ? choose(settings).reason : "";
}

std::string construction_name(const sweeps::Settings& settings) {
  if (settings.word("init") != "construction") return "";
  const Chosen chosen = choose(settings);
  return chosen.construction ? chosen.construction->name : "";
}

const Construction& construction_of(const sweeps::Settings& settings) {
  const Chosen chosen = choose(settings);
  assert(chosen.construction && "only feasible cells are built");
  return *chosen.construction;
}

void construct(const sweeps::CellSpec& cell, const ParameterSet& parameters, double* flat) {
  Case c = construction_case(cell.settings);
  c.key = weights_key(cell), c.data_key = data_key(cell);
  Weights weights(parameters, flat);
  weights.clear();
  construction_of(cell.settings).build(c, weights);
  add_noise(parameters, cell.settings.real("init_noise"), c.key, flat);
}

}  // namespace phasegrid::worker
