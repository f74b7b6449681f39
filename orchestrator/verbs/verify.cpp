// Runs the hand-built weights of every theorem on fresh samples: exact where they must be, wrong one step below.
#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <iostream>
#include <memory>

#include "orchestrator/verbs/verbs.hpp"
#include "sweeps/error.hpp"
#include "sweeps/suggestion.hpp"
#include "tasks/task.hpp"
#include "worker/models/registry.hpp"
#include "worker/verification/verify.hpp"

namespace phasegrid::orchestrator {
namespace {

using worker::Verified;

struct Arguments {
  worker::VerifyRequest request;
  bool json = false;
};

nlohmann::ordered_json to_json(const Verified& line) {
  nlohmann::ordered_json json{{"construction", line.construction},
                              {"variant", line.variant},
                              {"task", line.task},
                              {"setting", line.setting},
                              {"d", line.sizes.d},
                              {"D", line.sizes.D},
                              {"N", line.sizes.N},
                              {"accuracy", std::min(line.accuracy, line.accuracy_double)},
                              {"accuracy_float32", line.accuracy},
                              {"accuracy_float64", line.accuracy_double},
                              {"least", line.least}};
  if (!line.below.empty())
    json["below"] = line.below.front().what, json["accuracy_below"] = line.below.front().accuracy;
  for (const auto& below : line.below)
    json["all_below"].push_back({{"below", below.what}, {"accuracy", below.accuracy}});
  for (const auto& [what, value] : line.measured) json["measured"][what] = value;
  json["holds"] = line.holds();
  return json;
}

void print(const Verified& line) {
  std::string rest;
  for (const auto& below : line.below)
    rest += fmt::format("{}{} {:.4f}", rest.empty() ? "" : "; ", below.what, below.accuracy);
  for (const char* word : {"zoh", "\"none\"", "ssm_time"})  // what tells lines of one construction apart
    if (line.setting.find(word) != std::string::npos) rest = fmt::format("{}: {}", word, rest);
  for (const auto& [what, value] : line.measured) rest += fmt::format("; {} {:.3g}", what, value);
  fmt::print("{:<4} {:<4} {:<14} {:<24} {:>4} {:>4} {:>4}  {:.6f} {:.6f}  {}\n", line.holds() ? "ok" : "FAIL",
             line.construction, line.variant, line.task, line.sizes.d, line.sizes.D, line.sizes.N, line.accuracy,
             line.accuracy_double, rest);
}

template <class Entries>
void check_name(const char* option, const std::string& name, const Entries& entries) {
  if (name.empty()) return;
  std::vector<std::string> names;
  for (const auto& entry : entries) names.push_back(entry.name);
  if (std::find(names.begin(), names.end(), name) == names.end())
    throw sweeps::SweepError(std::string(option) + ": unknown " + name + sweeps::suggestion(name, names));
}

void check(const worker::VerifyRequest& request) {
  check_name("--variant", request.variant, worker::all_variants());
  check_name("--task", request.task, tasks::all_tasks());
}

std::string silence(const worker::VerifyRequest& request) {
  if (request.task.empty()) return "--variant " + request.variant + ": no theorem speaks of it";
  if (request.variant.empty()) return "--task " + request.task + ": no theorem speaks of it";
  return "--task and --variant: no theorem speaks of the two together";
}

int verify(const Arguments& args) {
  check(args.request);
  const std::vector<Verified> lines = worker::verify(args.request, {worker::cpu_kinds().back()});
  if (lines.empty()) throw sweeps::SweepError(silence(args.request));
  for (const std::string& limit : worker::verify_limits(args.request)) std::cerr << "note: " << limit << "\n";
  const auto wrong = std::count_if(lines.begin(), lines.end(), [](const Verified& line) { return !line.holds(); });
  if (args.json) {
    nlohmann::ordered_json all = nlohmann::ordered_json::array();
    for (const Verified& line : lines) all.push_back(to_json(line));
    std::cout << all.dump(1) << "\n";
  } else {
    fmt::print(
        "          variant        task                        d    D    N  float32  float64   below: accuracy\n");
    for (const Verified& line : lines) print(line);
    fmt::print("{} of {} as theory says\n", static_cast<std::ptrdiff_t>(lines.size()) - wrong, lines.size());
  }
  return wrong > 0 ? 3 : 0;
}

}  // namespace

void add_verify(CLI::App& app, int& code) {
  auto args = std::make_shared<Arguments>();
  worker::VerifyRequest& request = args->request;
  CLI::App* verb = app.add_subcommand(
      "verify",
      "Run the hand-built weights of every theorem (docs/theory.md): exact at their size, wrong one step below");
  verb->add_option("--task", request.task, "Only this task (piecewise_constant: wavelet coefficients)");
  verb->add_option("--variant", request.variant, "Only this variant");
  verb->add_option("--kappa", request.kappa, "Key symbols; the vocabulary of induction heads")
      ->check(CLI::Range(2, 1 << 10))
      ->capture_default_str();
  verb->add_option("--nu", request.nu, "Value symbols; the vocabulary of keep_nth")
      ->check(CLI::Range(2, 1 << 12))
      ->capture_default_str();
  verb->add_option("--T", request.T, "Sequence length")->check(CLI::Range(8, 1 << 14))->capture_default_str();
  verb->add_option("--seed", request.seed, "Another seed, other samples")->check(CLI::Range(std::uint64_t{0}, std::uint64_t{1} << 53))->capture_default_str();
  verb->add_option("--examples", request.examples, "Sequences of each test")
      ->check(CLI::Range(1, 1 << 24))
      ->capture_default_str();
  verb->add_flag("--json", args->json, "Print one JSON array");
  verb->footer("Exit code 3: a line is not as theory says.");
  verb->callback([args, &code] { code = verify(*args); });
}

}  // namespace phasegrid::orchestrator
