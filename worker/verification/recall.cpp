// C1 to C8: each line is a cell with `init = "construction"`, as a sweep file would write it, evaluated on the
// sequences of a test set of its own.
#include <fmt/format.h>

#include <algorithm>

#include "kernels/arena.hpp"
#include "sweeps/grid.hpp"
#include "worker/models/constructions/constructions.hpp"
#include "worker/models/network.hpp"
#include "worker/schema.hpp"
#include "worker/training.hpp"
#include "worker/verification/trial.hpp"

namespace phasegrid::worker {
namespace {

constexpr int kPositionsAtOnce = 1 << 14;
constexpr int kMostAtOnce = 64;
constexpr std::int64_t kMostForAMistake = 256;  // times the examples, until a mistake below is seen
constexpr double kMostUpdates = 3e8;            // of states, in one test: long sequences get fewer examples
constexpr std::int64_t kFewestExamples = 16;

sweeps::CellSpec cell_of(const Trial& trial, const Text& task, const Sizes& sizes, std::int64_t seed,
                         bool constructed = true) {
  const Text text = fmt::format(
      "[sweep]\nname = \"verify\"\nseeds = [{}]\n[task]\nname = \"{}\"\n{}[model]\nvariant = \"{}\"\n{}d = {}\nD = "
      "{}\nN = {}\n{}",
      seed, trial.task, task, trial.variant,
      constructed ? fmt::format("init = \"construction\"\nconstruction = \"{}\"\n", trial.construction) : "", sizes.d,
      sizes.D, sizes.N, trial.model_text);
  return sweeps::Grid::parse(text, "verify " + trial.construction, make_schema()).cell(0);
}

struct Count {
  double right = 0, scored = 0;
  double accuracy() const { return right / scored; }
};

// On `examples` sequences, and on more of them until a mistake is seen, if `search`.
template <class Real>
void evaluate(const sweeps::CellSpec& cell, const tasks::Task& task, const Step& step, std::uint64_t key,
              std::int64_t examples, bool search, const Device& device, Count& count) {
  const ModelSettings model = model_settings(cell.settings, task.vocab(), task.T());
  const ParameterSet parameters = describe_parameters(model);
  std::vector<double> flat(static_cast<std::size_t>(parameters.size()));
  construct(cell, parameters, flat.data());
  if (step.edit) {
    Weights weights(parameters, flat.data());
    step.edit(weights);
  }
  kernels::Arena arena;
  Real* values = arena.allocate_array<Real>(flat.size());
  std::copy(flat.begin(), flat.end(), values);
  const double updates = static_cast<double>(model.D) * model.N * model.T;
  examples = std::clamp<std::int64_t>(static_cast<std::int64_t>(kMostUpdates / updates),
                                      std::min(examples, kFewestExamples), examples);
  const int at_once = static_cast<int>(
      std::clamp<std::int64_t>(kPositionsAtOnce / task.T(), 1, std::min<std::int64_t>(kMostAtOnce, examples)));
  Network<Real> network(model,
                        {.sequences = at_once,
                         .T = task.T(),
                         .vocab = task.vocab(),
                         .taps = model.taps(),
                         .layers = 1,
                         .most_scored = task.most_scored(),
                         .positional = model.positional != Positional::none,
                         .positions_table = task.T()},
                        1, device.kind, values, nullptr);
  tasks::Batch batch;
  const std::int64_t most = search ? kMostForAMistake * examples : examples;
  for (std::int64_t begin = 0; begin < most && (begin < examples || count.right == count.scored); begin += at_once) {
    const std::int64_t end = begin < examples ? examples : most;
    tasks::draw_batch(task, key, tasks::Stream::test, static_cast<std::uint64_t>(begin),
                      static_cast<int>(std::min<std::int64_t>(at_once, end - begin)), batch);
    network.set(0, batch);
    network.forward();
    count.right += static_cast<double>(network.right(0)), count.scored += static_cast<double>(network.scored(0));
  }
}

template <class Real>
double accuracy(const Trial& trial, const Step& step, const VerifyRequest& request, bool search, const Device& device) {
  Count count;
  const std::uint64_t key = kernels::hash_text("verify " + trial.construction + " " + trial.variant, request.seed);
  for (int i = 0; i < trial.seeds; ++i) {
    const auto seed = static_cast<std::int64_t>(request.seed % 1'000'000'000) * trial.seeds + i;
    const auto cell = cell_of(trial, trial.task_text, step.sizes, seed);
    const auto task =
        make_task(step.task.empty() ? cell.settings : cell_of(trial, step.task, step.sizes, seed, false).settings);
    evaluate<Real>(cell, *task, step, key + static_cast<std::uint64_t>(i),
                   std::max<std::int64_t>(1, request.examples / trial.seeds), search, device, count);
  }
  return count.accuracy();
}

Verified run(const Trial& trial, const VerifyRequest& request, const Device& device) {
  Verified line{.construction = trial.construction,
                .variant = trial.variant,
                .task = trial.task,
                .setting = trial.task_text + trial.model_text,
                .sizes = trial.sizes,
                .least = trial.least};
  for (std::size_t at; (at = line.setting.find('\n')) != Text::npos;)
    at + 1 < line.setting.size() ? line.setting.replace(at, 1, ", ") : line.setting.erase(at);
  const Step exact{"", trial.sizes, "", {}};
  line.accuracy = accuracy<float>(trial, exact, request, false, device);
  line.accuracy_double = accuracy<double>(trial, exact, request, false, device);
  for (const Step& step : trial.below)
    line.below.push_back({step.what, accuracy<double>(trial, step, request, true, device)});
  return line;
}

}  // namespace

std::vector<VerifyJob> recall_jobs(const VerifyRequest& request) {
  std::vector<Trial> trials = recall_trials(request);
  std::vector<VerifyJob> jobs;
  for (Trial& trial : trials)
    if ((request.task.empty() || request.task == trial.task) &&
        (request.variant.empty() || request.variant == trial.variant))
      jobs.push_back([trial = std::move(trial), request](const Device& device) { return run(trial, request, device); });
  return jobs;
}

}  // namespace phasegrid::worker
