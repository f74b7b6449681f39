// Networks to look into, with weights of the test's choice.
#pragma once
#include <functional>

#include "tests/worker/support.hpp"
#include "worker/diagnostics/observe.hpp"

namespace phasegrid::worker::test {

// Every variant that has a state, with every switch.
inline std::vector<Case> cases_with_state() {
  std::vector<Case> cases = all_cases();
  std::erase_if(cases, [](const Case& c) { return !has_state(c.variant); });
  return cases;
}

// The network of a cell with its random start plus noise, and the first sequences of its data.
struct Watch {
  std::unique_ptr<tasks::Task> task;
  tasks::Batch batch;
  std::unique_ptr<Watched> network;

  explicit Watch(const sweeps::CellSpec& cell, int examples = 2) {
    Bench<double> bench(cell);
    task = make_task(cell.settings);
    tasks::draw_batch(*task, data_key(cell), tasks::Stream::test, 0, examples, batch);
    network = std::make_unique<Watched>(
        bench.model, bench.parameters,
        std::span<const double>(bench.values, static_cast<std::size_t>(bench.parameters.size())), cpu_kinds().back());
    network->run(batch, 0);
  }
};

// A network of `d` channels that stands for its first mixer alone: token i is row i of `inputs`, which reaches the
// mixer as it is (no norm, no convolution, no gate, identities around). `fill` sets the mixer's parameters by name.
using Fill = std::function<double(const std::string& name, int row, int column)>;
inline std::unique_ptr<Watched> bare_mixer(ModelSettings model, const Table<double>& inputs, const Fill& fill) {
  model.vocab = inputs.rows, model.T = inputs.rows, model.d = model.D = inputs.columns;
  model.conv = 0, model.activation = kernels::Activation::identity, model.gate = false;
  const ParameterSet parameters = describe_parameters(model);
  std::vector<double> values(static_cast<std::size_t>(parameters.size()));
  for (const ParameterInfo& p : parameters.all())
    for (int r = 0; r < p.rows; ++r)
      for (int c = 0; c < p.columns; ++c) {
        double& w = values[static_cast<std::size_t>(p.offset + static_cast<std::int64_t>(r) * p.width() + c)];
        if (p.name == "embedding.weight") w = inputs(r, c);
        else if (p.name.ends_with("in_proj.x") || p.name.ends_with("out_proj")) w = r == c;
        else if (const auto at = p.name.find(".mixer."); at != std::string::npos) w = fill(p.name.substr(at + 7), r, c);
      }
  auto network = std::make_unique<Watched>(model, parameters, values, cpu_kinds().back());
  tasks::Batch batch;
  batch.clear(model.T);
  for (int t = 0; t < model.T; ++t) batch.tokens.push_back(t);
  batch.end_sequence();
  network->run(batch, 0);
  return network;
}

}  // namespace phasegrid::worker::test
