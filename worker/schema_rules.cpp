#include "worker/schema_rules.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "worker/schema.hpp"

namespace phasegrid::worker {
namespace {

using sweeps::Settings;

std::string training_fits(const Settings& s) {
  const auto epochs = s.integer("epochs"), examples = s.integer("examples"), steps = s.integer("steps");
  if (s.given("steps") && epochs > 0) return "steps: epochs and steps are both given, expected one of them";
  if (epochs > 0 && examples == 0)
    return "examples: epochs are passes over a fixed training set, expected examples of at least 1";
  if (steps == 0 && s.word("init") == "random")
    return "steps: random weights must be trained, expected steps >= 1 or init = \"construction\", but steps = 0";
  if (s.integer("replicas") > s.integer("batch"))
    return fmt::format("replicas: each draws at least one sequence of every batch, replicas <= batch, but replicas = {} and batch = {}",
                       s.integer("replicas"), s.integer("batch"));
  if (s.integer("warmup") > steps)
    return fmt::format("warmup: warm-up ends before training does, warmup <= steps, but warmup = {} and steps = {}",
                       s.integer("warmup"), steps);
  return "";
}

bool diagnosed(const Settings& s) {
  for (const char* name : {"decay", "decay_channels", "sensitivity", "gradients", "eigenvalues", "state"})
    if (s.boolean(name)) return true;
  return false;
}

std::string diagnostics_fits(const Settings& s) {
  if (!diagnosed(s) || s.integer("diagnostics_examples") <= s.integer("eval_examples")) return "";
  return fmt::format("diagnostics_examples: sequences of the test set, expected at most eval_examples, but diagnostics_examples = {} and eval_examples = {}",
                     s.integer("diagnostics_examples"), s.integer("eval_examples"));
}

std::string model_fits(const Settings& s) {
  const auto D = s.integer("D");
  if (s.given("D") && s.given("expand") && D != s.integer("d") * s.integer("expand"))
    return fmt::format("D: expand and D are both given, expected one of them or D = expand*d, but D = {} and expand*d = {}", D,
                       s.integer("d") * s.integer("expand"));
  if (reads(s, "delta_rank") && !s.is_word("delta_rank") && s.integer("delta_rank") > D)
    return fmt::format(
        "delta_rank: a bottleneck is at most as wide as what it joins, delta_rank <= D, but delta_rank = {} and "
        "D = {}",
        s.integer("delta_rank"), D);
  if (reads(s, "token_dynamics") && s.word("token_dynamics") != "free" && s.integer("N") > D)
    return fmt::format("token_dynamics: B and C share a triangular matrix, N <= D, but N = {} and D = {}", s.integer("N"), D);
  if (reads(s, "reorder") && s.word("reorder") != "none" && s.word("delta_activation") == "fixed")
    return "reorder: the score is made from the step size's projection, expected a delta_activation other than \"fixed\"";
  const auto heads = head_count(s), groups = s.integer("groups");
  if (reads(s, "heads") && D % heads != 0)
    return fmt::format("heads: the inner width is a multiple of the heads, but heads = {} and D = {}", heads, D);
  if (reads(s, "groups") && heads % groups != 0)
    return fmt::format("groups: heads are a multiple of the groups, but groups = {} and heads = {}", groups, heads);
  if (reads(s, "gated_norm") && s.boolean("gated_norm") && !s.boolean("gate"))
    return "gated_norm: a norm after the gate, expected gate = true";
  const tasks::TaskEntry* task = tasks::find_task(s.word("task"));
  if (s.boolean("tied_embedding") && task->real && task->real(task_options(s)))
    return "tied_embedding: a real-valued task has no embedding whose weights a head could use, expected false";
  if (s.real("init_noise") > 0 && s.word("init") == "random")
    return "init_noise: noise is added to a construction, expected init = \"construction\"";
  return "";
}

}  // namespace

std::string settings_fit(const Settings& settings) {
  for (const auto rules : {model_fits, training_fits, diagnostics_fits})
    if (std::string reason = rules(settings); !reason.empty()) return reason;
  return "";
}

std::string key_lacks(std::string_view key, const Settings& s) {
  const auto one_of = [&](std::initializer_list<const char*> keys) { return std::find(keys.begin(), keys.end(), key) != keys.end(); };
  const bool built = s.word("init") == "construction";
  if (key == "construction" && !built) return "init = \"construction\"";
  if (one_of({"init_scale", "s4d_init"}) && built) return "init = \"random\": a construction writes all weights";
  if (key == "time_layer" && s.word("positional") != "ssm_time") return "positional = \"ssm_time\"";
  if (key == "delta_rank" && s.word("delta_activation") == "fixed") return "a delta_activation other than \"fixed\"";
  if (one_of({"optimizer", "learning_rate", "weight_decay", "schedule", "clip", "stop_at_accuracy", "patience"}) && s.integer("steps") == 0)
    return "steps of at least 1: nothing is trained";
  if (key == "diagnostics_examples" && !diagnosed(s)) return "one of decay, decay_channels, sensitivity, gradients, eigenvalues and state = true";
  return "";
}

}  // namespace phasegrid::worker
