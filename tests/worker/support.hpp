// Cells and networks for tests, from the same sweep text that users write.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <regex>
#include <string>
#include <vector>

#include "kernels/arena.hpp"
#include "sweeps/grid.hpp"
#include "worker/models/network.hpp"
#include "worker/models/registry.hpp"
#include "worker/run_pack.hpp"
#include "worker/schema.hpp"
#include "worker/training.hpp"

namespace phasegrid::worker::test {

inline const std::string kMqar = "name = \"mqar\"\nkappa = 3\nnu = 4\npairs = 2\nT = 14\n";

// One cell: a small MQAR, or another task, with lines added to [model] and [train].
inline sweeps::CellSpec mqar_cell(const std::string& variant, std::string model = "", const std::string& train = "steps = 10", int seed = 0, const std::string& task = kMqar) {
  const auto& keys = find_variant(variant)->keys;
  const bool reads_N = std::find(keys.begin(), keys.end(), "N") != keys.end();   // attention has no states
  if (!reads_N) model = std::regex_replace(model, std::regex("N = [0-9]+"), "");
  const auto says = [&](const std::string& key) { return ("\n" + model).find("\n" + key + " = ") != std::string::npos; };
  const std::string text = "[sweep]\nname = \"test\"\nseeds = [" + std::to_string(seed) + "]\n[task]\n" + task +
                           "[axes]\nvariant = [\"" + variant + "\"]\n[model]\n" + (says("d") ? "" : "d = 5\n") +
                           (says("N") || !reads_N ? "" : "N = 4\n") + model + "\n[train]\n" + (("\n" + train).find("\nbatch = ") != std::string::npos ? "" : "batch = 6\n") + train + "\n";
  return sweeps::Grid::parse(text, "test.toml", make_schema()).cell(0);
}

// A network of one model with its weights and one batch of training data.
template <class Real>
struct Bench {
  ModelSettings model;
  ParameterSet parameters;
  kernels::Arena arena;
  Real *values, *grads;
  tasks::Batch batch;
  std::unique_ptr<Network<Real>> network;

  explicit Bench(const sweeps::CellSpec& cell, const std::string& kind = cpu_kinds().back()) {
    const TrainSettings train = train_settings(cell.settings);
    TrainingData data(cell, train);
    const tasks::Task& task = data.task();
    model = model_settings(cell.settings, task);
    parameters = describe_parameters(model);
    values = arena.allocate_array<Real>(static_cast<std::size_t>(parameters.size()));
    grads = arena.allocate_array<Real>(static_cast<std::size_t>(parameters.size()));
    randomise(cell.seed);
    const LayoutShape shape = layout_shape(model, train.batch, task.T(), task.most_scored(), task.T());
    network = std::make_unique<Network<Real>>(model, shape, 1, kind, values, grads);
    data.draw(1, batch);
    network->set(0, batch);
  }

  // The model's own start plus noise large enough that every gradient can be seen.
  void randomise(std::int64_t seed) {
    parameters.initialise(values, static_cast<std::uint64_t>(seed));
    kernels::Random random(77, 1, static_cast<std::uint64_t>(seed));
    for (const ParameterInfo& p : parameters.all())
      for (int r = 0; r < p.rows; ++r)
        for (int c = 0; c < p.columns; ++c)
          if (p.rate != 0) values[p.offset + r * p.width() + c] += static_cast<Real>(0.4 * random.normal());
  }

  double loss() {
    network->forward();
    return network->loss(0);
  }
  double gradients() {
    std::fill(grads, grads + parameters.size(), Real(0));
    const double loss = this->loss();
    network->backward();
    return loss;
  }
  double largest_gradient(const ParameterInfo& p) const {
    double most = 0;
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(p.rows) * p.width(); ++i) most = std::max(most, std::fabs(static_cast<double>(grads[p.offset + i])));
    return most;
  }
};

// Every switch of [model], one line each; a variant is tested with all that its keys allow.
struct Switch { const char* name; const char* lines; const char* key = nullptr; std::string task = kMqar; };   // key: only variants that read it
inline std::vector<Switch> switches() {
  const std::string tones = "name = \"prime_frequencies\"\nfrequencies = 2\nT = 11\n", sum = "name = \"linear_functional\"\nT = 9\n";
  return {
      {"real_valued", "", nullptr, tones},
      {"real_valued_positions", "positional = \"learned\"\nconv = 3", nullptr, sum},
      {"real_valued_noise", "layers = 2\nnorm = \"rms\"\nresidual = true", nullptr, tones + "embedding_noise = 0.3\n"},
      {"embedding_noise", "", nullptr, kMqar + "embedding_noise = 0.3\n"},
      {"embedding_noise_positions", "positional = \"sinusoid\"\nlayers = 2", nullptr, kMqar + "embedding_noise = 0.3\n"},
      {"plain", ""},
      {"no_gate", "gate = false"},
      {"no_conv", "conv = 0"},
      {"conv_1", "conv = 1"},
      {"conv_3", "conv = 3"},
      {"conv_4", "conv = 4"},
      {"identity", "activation = \"identity\""},
      {"relu", "activation = \"relu\""},
      {"rms", "norm = \"rms\"\nresidual = true"},
      {"layer_norm", "norm = \"layer\"\nresidual = true"},
      {"residual", "residual = true"},
      {"final_norm", "final_norm = \"rms\""},
      {"learned", "positional = \"learned\""},
      {"scalar", "positional = \"scalar\""},
      {"onehot", "positional = \"onehot\"\nd = 17"},
      {"sinusoid", "positional = \"sinusoid\""},
      {"ssm_time", "positional = \"ssm_time\""},
      {"trained_time", "positional = \"ssm_time\"\ntime_layer = \"trained\""},
      {"divergent", "token_dynamics = \"divergent\"", "token_dynamics"},
      {"convergent", "token_dynamics = \"convergent\"\nexpand = 4\nN = 10", "token_dynamics"},
      {"softsort", "reorder = \"softsort\"", "reorder"},
      // Scores that nearly tie are kinks that differences see; with d = 17 there are some.
      {"softsort_two_layers", "reorder = \"softsort\"\nlayers = 2\nnorm = \"rms\"\nresidual = true\nd = 18", "reorder"},
      {"tied", "tied_embedding = true"},
      {"expand", "expand = 4\nN = 10"},
      {"one_state", "N = 2\nd = 3"},
      {"two_layers", "layers = 2\nnorm = \"rms\"\nresidual = true"},
      {"three_layers", "layers = 3\nconv = 3\nnorm = \"layer\"\nresidual = true"},
      {"full_delta", "delta_rank = \"full\"", "delta_rank"},
      {"rank_2", "delta_rank = 2", "delta_rank"},
      {"sigmoid", "delta_activation = \"sigmoid\"", "delta_activation"},
      {"tanh", "delta_activation = \"tanh\"", "delta_activation"},
      {"delta_relu", "delta_activation = \"relu\"\nd = 6", "delta_activation"},   // with d = 5 the one step size of mamba2 is never positive
      {"fixed", "delta_activation = \"fixed\"", "delta_activation"},
      {"heads", "heads = 2\nd = 6", "heads"},
      {"groups", "heads = 4\ngroups = 2\nd = 8", "groups"},
      {"gated_norm", "gated_norm = true", "gated_norm"},
      {"gated_norm_groups", "gated_norm = true\nheads = 6\ngroups = 3\nd = 18", "gated_norm"},
      {"euler", "discretisation = \"euler\"", "discretisation"},
      {"zoh", "discretisation = \"zoh\"", "discretisation"},
      {"none", "discretisation = \"none\"", "discretisation"},
      {"real_states", "s4d_mode = \"real\"\nN = 9", "s4d_mode"},
      {"inverse_start", "s4d_init = \"inv\"\nN = 10", "s4d_init"},
      {"real_start", "s4d_init = \"real\"", "s4d_init"},
      {"legs_start", "s4d_init = \"legs\"", "s4d_init"},
      {"recurrence", "layers = 2\nN = 2\nd = 17\nresidual = true", "s4d_mode"},
      {"blocks", "blocks = 3\nd = 18", "blocks"},
      {"wide_blocks", "blocks = 2\nd = 32\nN = 10", "blocks"},
      {"block_per_channel", "blocks = 17\nd = 17", "blocks"},
      {"no_block_bias", "block_bias = false", "block_bias"},
      {"real_blocks", "block_complex = false\nN = 9\nd = 18", "block_complex"},
      {"real_blocks_euler", "block_complex = false\ndiscretisation = \"euler\"", "block_complex"},
      {"frozen_delta", "delta_rate = 0", "delta_rate"},
  };
}

struct Case {
  std::string variant;
  Switch change;
};
inline void PrintTo(const Case& c, std::ostream* out) { *out << c.variant << " " << c.change.name; }
inline std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const VariantEntry& variant : all_variants())
    for (const Switch& change : switches()) {
      const bool reads = !change.key || std::find(variant.keys.begin(), variant.keys.end(), change.key) != variant.keys.end();
      if (reads) cases.push_back({variant.name, change});
    }
  return cases;
}
inline std::string name_of(const testing::TestParamInfo<Case>& info) { return info.param.variant + "_" + info.param.change.name; }

}  // namespace phasegrid::worker::test
