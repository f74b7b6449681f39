#include "worker/train_cell.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/operations.hpp"
#include "sweeps/error.hpp"
#include "worker/pack.hpp"
#include "worker/schema.hpp"
#include "worker/score.hpp"

namespace phasegrid::worker {

using sweeps::CellSpec;
using sweeps::LabelledArray;
using sweeps::SweepError;

namespace {

// Every key of [model] that the cell's variant reads, defaults included: a weights file stays readable when defaults change.
std::string model_text(const sweeps::Settings& settings, const ModelSettings& model) {
  std::string text = "[model]\n";
  if (model.channels > 0) text += "channels = " + std::to_string(model.channels) + "\noutputs = " + std::to_string(model.outputs) + "\n";
  else text += "vocab = " + std::to_string(model.vocab) + "\n";
  for (const sweeps::Key& key : settings.schema().keys) {
    if (key.section != sweeps::Section::model) continue;
    if (key.name == "init" || key.name == "construction" || key.name == "init_noise") continue;   // say how weights began
    if (key.name == "expand" && settings.given("D")) continue;                                     // D says it
    if (!key.only.empty() && std::find(key.only.begin(), key.only.end(), settings.word("variant")) == key.only.end()) continue;
    text += key.name + " = " + sweeps::to_text(settings.value(key.name)) + "\n";
  }
  return text;
}

tasks::Batch to_batch(const Application& what, bool score_all) {
  tasks::Batch batch;
  batch.clear(what.T);
  batch.tokens.assign(what.tokens.begin(), what.tokens.end());
  batch.channels = what.channels, batch.outputs = what.outputs;
  batch.inputs.assign(what.inputs.begin(), what.inputs.end());
  const std::size_t outputs = static_cast<std::size_t>(what.outputs);
  const std::vector<float> nothing(outputs);
  for (int b = 0; b < what.batch; ++b) {
    for (int t = 0; t < what.T; ++t) {
      const std::size_t p = static_cast<std::size_t>(b) * what.T + t;
      if (outputs > 0) {
        const auto value = score_all ? std::span(nothing) : what.values.subspan(p * outputs, outputs);
        if (std::none_of(value.begin(), value.end(), [](float v) { return std::isnan(v); })) batch.score(t, value);
      } else if (score_all) batch.score(t, 0);
      else if (what.targets[p] != tasks::kUnscored) batch.score(t, what.targets[p]);
    }
    batch.end_sequence();
  }
  return batch;
}

void check_tokens(const Application& what) {
  const bool real = what.channels > 0;
  if (real != what.tokens.empty())
    throw SweepError(real ? "tokens: the model reads real-valued inputs, expected inputs and values" : "inputs: the model reads tokens, expected tokens and targets");
  const std::size_t positions = static_cast<std::size_t>(what.batch) * static_cast<std::size_t>(what.T);
  if (what.inputs.size() != positions * static_cast<std::size_t>(what.channels) || (!what.values.empty() && what.values.size() != positions * static_cast<std::size_t>(what.outputs)))
    throw SweepError("inputs, values: the model reads " + std::to_string(what.channels) + " and answers " + std::to_string(what.outputs) + " numbers at a position, the batch has " +
                     std::to_string(what.inputs.size() / positions) + " and " + std::to_string(what.values.size() / positions));
  const auto outside = [&](std::int32_t v) { return v < 0 || v >= what.vocab; };
  const auto complain = [&](const char* name, std::size_t p, std::int32_t v) {
    throw SweepError(std::string(name) + "[" + std::to_string(p / what.T) + ", " + std::to_string(p % what.T) + "] = " + std::to_string(v) +
                     ", expected 0 to " + std::to_string(what.vocab - 1) + " (vocab = " + std::to_string(what.vocab) + ")");
  };
  for (std::size_t p = 0; p < what.tokens.size(); ++p)
    if (outside(what.tokens[p])) complain("tokens", p, what.tokens[p]);
  for (std::size_t p = 0; p < what.targets.size(); ++p)
    if (what.targets[p] != tasks::kUnscored && outside(what.targets[p])) complain("targets", p, what.targets[p]);
}

template <class Real>
class Applied {
 public:
  Applied(const sweeps::Settings& settings, const std::vector<LabelledArray>& weights, const Application& what, std::string kind)
      : what_(what), kind_(std::move(kind)), model_(model_settings(settings, what.vocab, what.T)) {
    model_.channels = what.channels, model_.outputs = what.outputs;
    for (const LabelledArray& array : weights)
      if (array.name == "position.weight" && !array.shape.empty()) positions_ = static_cast<int>(array.shape[0]);
    if (model_.has_position_table() && positions_ < what.T)
      throw SweepError("position.weight: has " + std::to_string(positions_) + " positions, but the batch has T = " + std::to_string(what.T));
    model_.T = std::max(what.T, positions_);
    parameters_ = describe_parameters(model_, positions_);
    values_ = arena_.allocate_array<Real>(static_cast<std::size_t>(parameters_.size()));
    parameters_.from_arrays(weights, values_);
  }

  // Of every position: logits, or what a real-valued model answers.
  LabelledArray answers() {
    const auto network = run(to_batch(what_, true), nullptr);
    const kernels::Rows<Real>& rows = network->logits();
    const bool real = what_.outputs > 0;
    LabelledArray answers{real ? "outputs" : "logits", {"batch", "T", real ? "output" : "vocab"}, {static_cast<std::size_t>(what_.batch), static_cast<std::size_t>(what_.T), static_cast<std::size_t>(rows.columns)}, {}};
    for (std::int64_t r = 0; r < static_cast<std::int64_t>(what_.batch) * what_.T; ++r)
      for (int v = 0; v < rows.columns; ++v) answers.data.push_back(static_cast<double>(rows.value(0)[r * rows.width + v]));
    return answers;
  }

  void score(std::vector<LabelledArray>& out) {
    Real* grads = arena_.allocate_array<Real>(static_cast<std::size_t>(parameters_.size()));
    const tasks::Batch batch = to_batch(what_, false);
    const auto network = run(batch, grads);
    if (network->scored(0) == 0) return;
    Scorer scorer;
    scorer.saw(batch);
    scorer.add(network->loss(0) * static_cast<double>(network->scored(0)), network->right(0), network->scored(0));
    out.push_back({"loss", {}, {}, {network->loss(0)}});
    out.push_back({what_.outputs > 0 ? "r2" : "accuracy", {}, {}, {std::isfinite(network->loss(0)) ? scorer.score().accuracy : sweeps::kNaN}});
    if (!what_.gradients) return;
    network->backward();
    for (LabelledArray& array : parameters_.to_arrays(grads)) {
      array.name = "gradients/" + array.name;
      out.push_back(std::move(array));
    }
  }

 private:
  std::unique_ptr<Network<Real>> run(const tasks::Batch& batch, Real* grads) {
    const LayoutShape shape = layout_shape(model_, what_.batch, what_.T, what_.T, model_.T);
    auto network = std::make_unique<Network<Real>>(model_, shape, 1, kind_, values_, grads);
    network->set(0, batch);
    network->forward();
    return network;
  }

  const Application& what_;
  std::string kind_;
  ModelSettings model_;
  int positions_ = 0;
  ParameterSet parameters_;
  kernels::Arena arena_;
  Real* values_;
};

template <class Real>
std::vector<LabelledArray> apply_in(const sweeps::Settings& settings, const std::vector<LabelledArray>& weights, const Application& what, const Device& device) {
  Applied<Real> applied(settings, weights, what, device.kind);
  std::vector<LabelledArray> out{applied.answers()};
  if (!what.targets.empty() || !what.values.empty()) applied.score(out);
  return out;
}

}  // namespace

Trained train_cell(const CellSpec& cell, const Device& device, const Observer& observer) {
  Trained trained;
  const auto keep = [&](Pack& pack) {
    trained.model = model_text(cell.settings, pack.model());
    trained.weights = pack.parameters().to_arrays(pack.weights(0));
  };
  trained.result = run_pack(std::span(&cell, 1), device, observer, keep).front();
  return trained;
}

std::vector<LabelledArray> apply(const sweeps::Settings& settings, const std::vector<LabelledArray>& weights, const Application& what, const Device& device) {
  kernels::flush_denormals();
  check_tokens(what);
  return what.float64 ? apply_in<double>(settings, weights, what, device) : apply_in<float>(settings, weights, what, device);
}

}  // namespace phasegrid::worker
