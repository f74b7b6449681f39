// Runs given weights on given tokens: logits, loss, accuracy and, if asked for, gradients.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cmath>
#include <memory>

#include "orchestrator/output_file.hpp"
#include "orchestrator/verbs/verbs.hpp"
#include "results/batch_file.hpp"
#include "results/weights_file.hpp"
#include "sweeps/model_text.hpp"
#include "worker/schema.hpp"
#include "worker/train_cell.hpp"

namespace phasegrid::orchestrator {
namespace {

struct Arguments {
  std::string model, batch, output, precision = "float32";
  bool gradients = false;
};

double value_of(const std::vector<sweeps::LabelledArray>& arrays, const std::string& name) {
  for (const auto& array : arrays)
    if (array.name == name) return array.data.at(0);
  return sweeps::kNaN;
}

void apply(const Arguments& args) {
  check_output("--output", args.output, {args.model, args.batch});
  const results::WeightsFile weights = results::read_weights(args.model);
  const sweeps::ModelText model = sweeps::parse_model_text(weights.model, args.model + ", attribute model", worker::make_schema());
  const results::BatchFile batch = results::read_batch(args.batch);
  const worker::Application what{.vocab = model.vocab, .batch = batch.batch, .T = batch.T, .tokens = batch.tokens, .targets = batch.targets,
                                 .channels = model.channels, .outputs = model.outputs, .inputs = batch.inputs, .values = batch.values,
                                 .float64 = args.precision == "float64", .gradients = args.gradients};
  std::vector<sweeps::LabelledArray> arrays;
  try {
    arrays = worker::apply(model.settings, weights.arrays, what, {worker::cpu_kinds().back()});
  } catch (const sweeps::SweepError& error) {
    throw sweeps::SweepError(args.model + " on " + args.batch + ": " + error.what());
  }
  results::write_arrays(args.output, arrays, what.float64);
  const char* score = model.outputs > 0 ? "r2" : "accuracy";
  if (std::isnan(value_of(arrays, "loss")) && arrays.size() == 1)
    fmt::print("{} sequences of length {}, none of whose positions is scored; written to {}\n", batch.batch, batch.T, args.output);
  else
    fmt::print("{} sequences of length {}: loss {:.6g}, {} {:.6f}; written to {}\n", batch.batch, batch.T, value_of(arrays, "loss"), score, value_of(arrays, score), args.output);
}

}  // namespace

void add_apply(CLI::App& app, int& code) {
  auto args = std::make_shared<Arguments>();
  CLI::App* verb = app.add_subcommand("apply", "Run given weights on given tokens (docs/weights.md)");
  verb->add_option("model", args->model, "Weights (HDF5), as `phasegrid cell --weights` writes them or from a PyTorch state_dict")->required();
  verb->add_option("batch", args->batch, "Tokens and targets (HDF5): int32 [batch, T], target -100 where nothing is scored; or inputs and values (docs/weights.md)")->required();
  verb->add_option("-o,--output", args->output, "Where logits, loss, accuracy and gradients go (HDF5)")->required();
  verb->add_option("--precision", args->precision, "float32 or float64")->check(CLI::IsMember({"float32", "float64"}))->capture_default_str();
  verb->add_flag("--gradients", args->gradients, "Also the gradient of the loss in every parameter, under gradients/");
  verb->callback([args, &code] { apply(*args), code = 0; });
}

}  // namespace phasegrid::orchestrator
