#include "worker/schema.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "worker/models/constructions/constructions.hpp"
#include "worker/models/registry.hpp"
#include "worker/schema_rules.hpp"
#include "worker/training.hpp"

namespace phasegrid::worker {
namespace {

using sweeps::Key;
using sweeps::Kind;
using sweeps::Section;
using sweeps::Settings;

constexpr double kMany = 1e9;
constexpr double kWide = 65536;
constexpr double kMostReplicas = 1024;

Key word(const char* name, Section section, const char* fallback, std::vector<std::string> words, const char* help) {
  return {name, section, Kind::word, fallback, 0, 0, std::move(words), help, {}};
}
Key integer(const char* name, Section section, const char* fallback, double least, double most, const char* help) {
  return {name, section, Kind::integer, fallback, least, most, {}, help, {}};
}
Key real(const char* name, Section section, const char* fallback, double least, double most, const char* help) {
  return {name, section, Kind::real, fallback, least, most, {}, help, {}};
}
Key boolean(const char* name, Section section, const char* fallback, const char* help) {
  return {name, section, Kind::boolean, fallback, 0, 1, {}, help, {}};
}

std::vector<Key> model_keys() {
  constexpr auto model = Section::model;
  std::vector<std::string> names;
  for (const auto& variant : all_variants()) names.push_back(variant.name);
  Key rank = integer("delta_rank", model, "auto", 1, kWide,
                     "rank of the step-size projection; auto: ceil(d/16); full: no bottleneck");
  rank.kind = Kind::integer_or_word, rank.words = {"auto", "full"};
  Key heads = integer("heads", model, "auto", 1, kWide, "heads of the mixer; auto: 1 below 128 inner channels, else heads of 64 or a little more");
  heads.kind = Kind::integer_or_word, heads.words = {"auto"};
  return {
      word("variant", model, "", names, "which mixer"),
      integer("d", model, "", 1, kWide, "embedding width"),
      integer("N", model, "16", 1, kWide, "real state scalars per channel"),
      integer("layers", model, "1", 1, 64, "blocks on top of each other"),
      integer("expand", model, "1", 1, 64, "inner width: D = expand * d"),
      integer("D", model, "expand*d", 1, 64 * kWide, "inner width, where it is no multiple of d"),
      integer("conv", model, "2", 0, 4, "taps of the causal convolution; 0: none"),
      word("activation", model, "silu", {"silu", "identity", "relu"}, "after the convolution"),
      boolean("gate", model, "true", "multiply the mixer's output by silu of a projection"),
      word("norm", model, "none", {"none", "rms", "layer"}, "in front of every block"),
      word("final_norm", model, "norm", {"none", "rms", "layer"}, "in front of the head; the same as norm"),
      boolean("residual", model, "false", "add each block's input to its output"),
      word("positional", model, "none", {"none", "scalar", "onehot", "sinusoid", "learned", "ssm_time"},
           "what the embedding says about position; ssm_time: the state of an S6 layer that is fed with ones"),
      word("time_layer", model, "fixed", {"fixed", "trained"}, "weights of ssm_time; fixed: it counts"),
      rank,
      word("delta_activation", model, "softplus", {"softplus", "sigmoid", "tanh", "relu", "fixed"},
           "from projection to step size; tanh: 1 + tanh z; fixed: softplus of the bias"),
      word("discretisation", model, "euler", {"euler", "zoh", "none"},
           "the input's factor: delta, its exact integral, or 1"),
      word("token_dynamics", model, "free", {"free", "divergent", "convergent"},
           "weights of B and C under which tokens must all grow with depth, or all shrink (arXiv 2410.03292)"),
      word("reorder", model, "none", {"none", "softsort"}, "the mixer sees the whole sequence, sorted by a learned score, so that it is not causal (arXiv 2410.03292)"),
      heads,
      integer("groups", model, "1", 1, kWide, "heads of one group share B and C"),
      boolean("gated_norm", model, "false", "RMS norm after the gate, over the channels of each group"),
      word("s4d_mode", model, "complex", {"complex", "real"}, "states: N/2 complex ones, each for a conjugate pair, or N real ones"),
      word("s4d_init", model, "lin", {"lin", "inv", "real", "legs"}, "eigenvalues at the start; real states: real"),
      integer("blocks", model, "D/8 == floor(D/8) ? 8 : D/4 == floor(D/4) ? 4 : D/2 == floor(D/2) ? 2 : 1", 1, kWide, "blocks of channels with projections of their own"),
      boolean("block_bias", model, "true", "a bias on B for every channel"),
      boolean("block_complex", model, "true", "N/2 complex states, or N real ones"),
      real("delta_rate", model, "0.1", 0, 1, "factor on the learning rate of the step size's weights; 0: not trained"),
      boolean("tied_embedding", model, "false", "the head's weights are the embedding's"),
      word("init", model, "random", {"random", "construction"}, "initial weights: random, or built by hand from a theorem"),
      word("construction", model, "auto", construction_names(), "which theorem; auto: the first that fits the cell"),
      real("init_scale", model, "1.0", 0, 100, "factor on the random initial weights"),
      real("init_noise", model, "0", 0, 100, "normal noise on a construction's weights, relative to their size"),
  };
}

std::vector<Key> train_keys() {
  constexpr auto train = Section::train;
  return {
      integer("steps", train, "epochs > 0 ? max(1, epochs*ceil(examples/batch)) : init > 0 ? 0 : 3000", 0, kMany,
              "optimiser steps; 0: a construction is evaluated as it is (init counts as 0 random, 1 construction)"),
      integer("epochs", train, "0", 0, kMany, "passes over `examples` sequences, instead of steps"),
      integer("examples", train, "0", 0, kMany, "size of a fixed training set; 0: fresh sequences at every step"),
      integer("batch", train, "64", 1, kWide, "sequences per step"),
      word("optimizer", train, "adamw", {"adamw", "adam", "sgd"}, "adamw decouples weight decay from the gradient"),
      real("learning_rate", train, "3e-3", 0, 100, "at its highest"),
      real("weight_decay", train, "0.01", 0, 100, "none on A_log, D, biases and norms"),
      word("schedule", train, "cosine", {"cosine", "constant"}, "of the learning rate after warm-up; cosine ends at 0"),
      integer("warmup", train, "0", 0, kMany, "steps of linear growth to the learning rate"),
      real("clip", train, "1.0", 0, 1e6, "largest norm of the gradient; 0: no limit"),
      real("stop_at_accuracy", train, "0", 0, 1, "stop once validation accuracy reaches this; 0: never"),
      integer("patience", train, "0", 0, kMany, "stop after so many evaluations without a better one; 0: never"),
      integer("replicas", train, "1", 1, kMostReplicas, "executors that train a cell together, each with a share of every batch"),
      integer("eval_examples", Section::eval, "1000", 1, kMany, "sequences of the validation set, and of the test set"),
      integer("every", Section::eval, "max(1, ceil(steps/30))", 1, kMany,
              "steps between evaluations on the validation set"),
  };
}

// What is recorded of each cell besides its accuracy (worker/diagnostics, docs/results.md).
std::vector<Key> diagnostics_keys() {
  constexpr auto diagnostics = Section::diagnostics;
  return {
      boolean("decay", diagnostics, "false", "histograms of decay factors exp(delta A), by the role of the token"),
      boolean("decay_channels", diagnostics, "false", "the same for every channel"),
      boolean("sensitivity", diagnostics, "false", "how much the last state depends on each input before it"),
      boolean("gradients", diagnostics, "false", "share of each input in the last output, gradients of the step size, rank of the output"),
      boolean("eigenvalues", diagnostics, "false", "eigenvalues of W_C^T W_B, their verdict, and norms of tokens by depth"),
      boolean("state", diagnostics, "false", "state at the end of up to 4 sequences, with the queries that read it"),
      integer("diagnostics_examples", diagnostics, "min(16, eval_examples)", 1, 1e6, "sequences of the test set to record from"),
  };
}

Key key_of(const tasks::OptionKey& option, const std::string& task) {
  constexpr Kind kinds[] = {Kind::integer, Kind::real, Kind::boolean, Kind::word, Kind::file};  // of OptionKey::Kind
  return {option.name, Section::task, kinds[option.kind], option.fallback, option.least,
          option.most, option.words,  option.help,        {task}};
}

// A key that several tasks list is one key: the widest range, all words; what a task allows itself is checked by
// task_fits.
void add_task_keys(sweeps::Schema& schema) {
  std::vector<std::string> names;
  for (const auto& task : tasks::all_tasks()) names.push_back(task.name);
  schema.keys.push_back(word("task", Section::task, "", names, "which task"));
  for (const auto& task : tasks::all_tasks()) {
    for (const auto& option : task.options) {
      const Key key = key_of(option, task.name);
      const auto known =
          std::find_if(schema.keys.begin(), schema.keys.end(), [&](const Key& k) { return k.name == key.name; });
      if (known == schema.keys.end()) {
        schema.keys.push_back(key);
        continue;
      }
      known->least = std::min(known->least, key.least), known->most = std::max(known->most, key.most);
      known->only.push_back(task.name);
      for (const auto& each : key.words)
        if (std::find(known->words.begin(), known->words.end(), each) == known->words.end())
          known->words.push_back(each);
    }
  }
}

std::string task_fits(const tasks::TaskEntry& task, const Settings& settings) {
  const tasks::Options options = task_options(settings);
  for (const auto& option : task.options) {
    const auto number = options.numbers.find(option.name);
    if (number == options.numbers.end()) {
      if (!option.words.empty() &&
          std::find(option.words.begin(), option.words.end(), options.word(option.name)) == option.words.end())
        return fmt::format("{}: the task {} has no \"{}\"", option.name, task.name, options.word(option.name));
    } else if (number->second < option.least || number->second > option.most) {
      return fmt::format("{}: the task {} takes {} to {}, but {} = {}", option.name, task.name, option.least,
                         option.most, option.name, number->second);
    }
  }
  return task.fits ? task.fits(options) : "";
}

void task_complete(const tasks::TaskEntry& task, Settings& settings) {
  tasks::Options options = task_options(settings);
  task.complete(options);
  for (const auto& option : task.options) {
    if (settings.given(option.name)) continue;
    if (option.kind == tasks::OptionKey::file) continue;
    if (option.kind == tasks::OptionKey::word) settings.set(option.name, options.word(option.name), false);
    else if (option.kind == tasks::OptionKey::boolean) settings.set(option.name, options.boolean(option.name), false);
    else if (option.kind == tasks::OptionKey::real) settings.set(option.name, options.real(option.name), false);
    else settings.set(option.name, options.integer(option.name), false);
  }
}

sweeps::Choice task_choice(const tasks::TaskEntry& task) {
  sweeps::Choice choice{task.name, {}, {}, {}};
  for (const auto& option : task.options) choice.fallbacks[option.name] = option.fallback;
  if (task.complete) choice.complete = [&task](Settings& settings) { task_complete(task, settings); };
  choice.fits = [&task](const Settings& settings) { return task_fits(task, settings); };
  if (task.real) choice.regression = [&task](const Settings& settings) { return task.real(task_options(settings)); };
  return choice;
}

std::shared_ptr<const sweeps::Schema> build_schema() {
  auto schema = std::make_shared<sweeps::Schema>();
  add_task_keys(*schema);
  for (Key& key : model_keys()) {
    for (const auto& variant : all_variants())
      if (std::find(variant.keys.begin(), variant.keys.end(), key.name) != variant.keys.end())
        key.only.push_back(variant.name);
    schema->keys.push_back(std::move(key));
  }
  for (Key& key : train_keys()) schema->keys.push_back(std::move(key));
  for (Key& key : diagnostics_keys()) schema->keys.push_back(std::move(key));
  for (const auto& task : tasks::all_tasks()) schema->tasks.push_back(task_choice(task));
  for (const auto& variant : all_variants()) schema->variants.push_back({variant.name, variant.fallbacks, variant.complete, variant.fits});
  schema->fits = [](const Settings& settings) {
    std::string reason = settings_fit(settings);
    return reason.empty() ? construction_fits(settings) : reason;
  };
  schema->lacks = key_lacks;
  schema->fits_length = length_fits;
  schema->cost = cell_cost;
  schema->construction = construction_name;
  schema->index();
  return schema;
}

}  // namespace

std::shared_ptr<const sweeps::Schema> make_schema() {
  static const std::shared_ptr<const sweeps::Schema> schema = build_schema();
  return schema;
}

namespace {

struct Fact {
  const char* name;
  std::int64_t (*of)(const tasks::SourceFacts&);
  void (*set)(tasks::SourceFacts&, std::int64_t);
};
#define PHASEGRID_FACT(name) Fact{#name, [](const tasks::SourceFacts& f) -> std::int64_t { return f.name; }, [](tasks::SourceFacts& f, std::int64_t n) { f.name = static_cast<decltype(f.name)>(n); }}
constexpr Fact kFacts[] = {PHASEGRID_FACT(sequences), PHASEGRID_FACT(T), PHASEGRID_FACT(channels), PHASEGRID_FACT(outputs), PHASEGRID_FACT(most_scored),
                           PHASEGRID_FACT(token), PHASEGRID_FACT(token_row), PHASEGRID_FACT(label), PHASEGRID_FACT(label_row)};
#undef PHASEGRID_FACT

}  // namespace

sweeps::DataFile data_file(const tasks::SourceFacts& facts) {
  sweeps::DataFile data{facts.file, facts.content, {}};
  for (const Fact& fact : kFacts) data.numbers[fact.name] = fact.of(facts);
  return data;
}

tasks::SourceFacts source_facts(const sweeps::DataFile& data) {
  tasks::SourceFacts facts;
  facts.file = data.file, facts.content = data.content;
  for (const Fact& fact : kFacts)
    if (const auto found = data.numbers.find(fact.name); found != data.numbers.end()) fact.set(facts, found->second);
  return facts;
}

bool reads(const Settings& settings, std::string_view key) {
  return settings.read(settings.schema().keys[settings.schema().find(key)]);
}

tasks::Options task_options(const Settings& settings) {
  const tasks::TaskEntry* task = tasks::find_task(settings.word("task"));
  tasks::Options options;
  for (const auto& option : task->options) {
    if (option.kind == tasks::OptionKey::file) {
      if (const sweeps::DataFile* file = settings.data(option.name)) options.sources[option.name] = source_facts(*file);
    }
    if (option.kind == tasks::OptionKey::word || option.kind == tasks::OptionKey::file) options.words[option.name] = settings.word(option.name);
    else if (option.kind == tasks::OptionKey::boolean) options.numbers[option.name] = settings.boolean(option.name);
    else options.numbers[option.name] = settings.real(option.name);
    options.given[option.name] = settings.given(option.name);
  }
  return options;
}

}  // namespace phasegrid::worker
