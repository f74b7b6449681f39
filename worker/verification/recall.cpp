// C1 to C8: each line is a cell with `init = "construction"`, as a sweep file would write it, evaluated on the sequences of a
// test set of its own.
#include <fmt/format.h>

#include <algorithm>

#include "kernels/arena.hpp"
#include "sweeps/bounds.hpp"
#include "sweeps/grid.hpp"
#include "worker/models/constructions/constructions.hpp"
#include "worker/models/network.hpp"
#include "worker/schema.hpp"
#include "worker/training.hpp"
#include "worker/verification/verify.hpp"

namespace phasegrid::worker {
namespace {

constexpr int kPositionsAtOnce = 1 << 14;
constexpr int kMostAtOnce = 64;
constexpr std::int64_t kMostForAMistake = 256;      // times the examples, until a mistake below is seen
constexpr double kMostUpdates = 3e8;                // of states, in one test: long sequences get fewer examples
constexpr std::int64_t kFewestExamples = 16;
constexpr std::int64_t kMostPointers = 128, kMostLevels = 256;

using Text = std::string;

struct Step {                                       // one step below
  std::string what;
  Sizes sizes;
  Text task;                                        // sequences to answer instead; "": those of the trial
  std::function<void(Weights&)> edit;               // what is broken by hand
};

struct Trial {
  std::string construction, variant, task;
  Text task_text, model_text;                       // lines of [task] and [model], without sizes
  Sizes sizes;
  std::vector<Step> below;
  double least = 1;
  int seeds = 1;                                    // random codes are drawn anew for each
};

sweeps::CellSpec cell_of(const Trial& trial, const Text& task, const Sizes& sizes, std::int64_t seed, bool constructed = true) {
  const Text text = fmt::format(
      "[sweep]\nname = \"verify\"\nseeds = [{}]\n[task]\nname = \"{}\"\n{}[model]\nvariant = \"{}\"\n{}d = {}\nD = {}\nN = {}\n{}", seed, trial.task, task,
      trial.variant, constructed ? fmt::format("init = \"construction\"\nconstruction = \"{}\"\n", trial.construction) : "", sizes.d, sizes.D, sizes.N, trial.model_text);
  return sweeps::Grid::parse(text, "verify " + trial.construction, make_schema()).cell(0);
}

struct Count {
  double right = 0, scored = 0;
  double accuracy() const { return right / scored; }
};

// On `examples` sequences, and on more of them until a mistake is seen, if `search`.
template <class Real>
void evaluate(const sweeps::CellSpec& cell, const tasks::Task& task, const Step& step, std::uint64_t key, std::int64_t examples, bool search, const Device& device, Count& count) {
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
  examples = std::clamp<std::int64_t>(static_cast<std::int64_t>(kMostUpdates / updates), std::min(examples, kFewestExamples), examples);
  const int at_once = static_cast<int>(std::clamp<std::int64_t>(kPositionsAtOnce / task.T(), 1, std::min<std::int64_t>(kMostAtOnce, examples)));
  Network<Real> network(model, {.sequences = at_once, .T = task.T(), .vocab = task.vocab(), .taps = model.taps(), .layers = 1, .most_scored = task.most_scored(),
                                .positional = model.positional != Positional::none, .positions_table = task.T()},
                        1, device.kind, values, nullptr);
  tasks::Batch batch;
  const std::int64_t most = search ? kMostForAMistake * examples : examples;
  for (std::int64_t begin = 0; begin < most && (begin < examples || count.right == count.scored); begin += at_once) {
    const std::int64_t end = begin < examples ? examples : most;
    tasks::draw_batch(task, key, tasks::Stream::test, static_cast<std::uint64_t>(begin), static_cast<int>(std::min<std::int64_t>(at_once, end - begin)), batch);
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
    const auto task = make_task(step.task.empty() ? cell.settings : cell_of(trial, step.task, step.sizes, seed, false).settings);
    evaluate<Real>(cell, *task, step, key + static_cast<std::uint64_t>(i), std::max<std::int64_t>(1, request.examples / trial.seeds), search, device, count);
  }
  return count.accuracy();
}

Verified run(const Trial& trial, const VerifyRequest& request, const Device& device) {
  Verified line{.construction = trial.construction, .variant = trial.variant, .task = trial.task, .setting = trial.task_text, .sizes = trial.sizes, .least = trial.least};
  for (std::size_t at; (at = line.setting.find('\n')) != Text::npos;)
    at + 1 < line.setting.size() ? line.setting.replace(at, 1, ", ") : line.setting.erase(at);
  const Step exact{"", trial.sizes, "", {}};
  line.accuracy = accuracy<float>(trial, exact, request, false, device);
  line.accuracy_double = accuracy<double>(trial, exact, request, false, device);
  for (const Step& step : trial.below) line.below.push_back({step.what, accuracy<double>(trial, step, request, true, device)});
  return line;
}

// The trials --------------------------------------------------------------------------------------------------------------

Step less_N(Sizes s, std::int64_t by = 1) {
  s.N -= by;
  return {fmt::format("N = {}", s.N), s, "", {}};
}
Step less_D(Sizes s, std::int64_t by) {
  s.D -= by;
  return {fmt::format("D = {}", s.D), s, "", {}};
}
Step less_d(Sizes s, bool with_D = true, const char* note = "") {
  s.d -= 1, s.D -= with_D;
  return {fmt::format("d = {}{}", s.d, note), s, "", {}};
}

struct Recall {
  std::int64_t kappa, nu, T, pairs;
  Text with(const char* rest) const { return fmt::format("kappa = {}\nnu = {}\npairs = {}\nT = {}\n{}", kappa, nu, pairs, T, rest); }
};

Recall recall_of(const VerifyRequest& r) {
  const std::int64_t T = std::max<std::int64_t>(4, r.T / 2 * 2);
  return {r.kappa, r.nu, T, std::min(r.kappa, T / 4)};
}

constexpr const char* kPlain = "gate = false\n";
constexpr const char* kSigned = "gate = false\nactivation = \"identity\"\n";
constexpr const char* kRepeats = "distinct_values = false\n";

void mqar_memories(const VerifyRequest& request, std::vector<Trial>& trials) {
  const Recall r = recall_of(request);
  const auto p = sweeps::bits_for(r.nu), k = r.kappa, code = sweeps::bits_for(k);
  const Sizes c1{k + p, k + p, k};
  trials.push_back({"C1", "mamba", "mqar", r.with(kRepeats), kPlain, c1, {less_N(c1), less_d(c1, true, " (one bit fewer)")}});
  Recall few = r;
  few.nu = std::min(r.nu, kMostLevels);
  const Sizes scalar{k + 1, k + 1, k};
  trials.push_back({"C1'", "mamba", "mqar", few.with(kRepeats), kSigned, scalar, {less_N(scalar), less_d(scalar)}});
  const Sizes c1b{k + p + 2, k + p + 2, k};
  trials.push_back({"C1b", "mamba", "mqar", r.with("distinct_values = false\nfiller = \"random\"\n"), Text(kSigned) + "positional = \"scalar\"\n", c1b,
                    {less_N(c1b), less_d(c1b, true, " (one bit fewer)")}});
  Recall apart = r;
  apart.pairs = std::min(r.pairs, r.nu);
  for (const char* variant : {"mamba", "mamba2"}) {
    const bool ssd = Text(variant) == "mamba2";
    const Sizes c2a{code + r.nu, ssd ? r.nu : code + r.nu, code};
    std::vector<Step> below;
    if (code > 1) below.push_back(less_N(c2a));
    below.push_back(less_d(c2a, true, " (two values share a channel)"));
    if (apart.pairs > 2) below.push_back({"repeated values", c2a, apart.with(kRepeats), {}});
    trials.push_back({"C2a", variant, "mqar", apart.with(""), kSigned, c2a, below});
    if (ssd) {
      const Sizes c2b{k + p, p, k};
      trials.push_back({"C2b", variant, "mqar", r.with(kRepeats), kPlain, c2b, {less_N(c2b), less_D(c2b, 1)}});
      if (p == 1) trials.back().below.pop_back();
    }
    const auto jl = sweeps::jl_sizes(k, apart.pairs, r.nu, 0.01);
    if (!jl) continue;
    const Sizes c2c{jl->mk + jl->mv, ssd ? jl->mv : jl->mk + jl->mv, jl->mk};
    const std::int64_t mk = std::max<std::int64_t>(1, std::min(jl->mk / 3, code)), mv = std::max<std::int64_t>(1, std::min(jl->mv / 3, p));
    trials.push_back({"C2c", variant, "mqar", apart.with(""), kSigned, c2c, {{fmt::format("codes as short as signs: N = {}, D = {}", mk, ssd ? mv : mk + mv), {mk + mv, ssd ? mv : mk + mv, mk}, "", {}}}, 0.99, 64});
  }
}

void mqar_slots(const VerifyRequest& request, std::vector<Trial>& trials) {
  const Recall r = recall_of(request);
  const auto p = sweeps::bits_for(r.nu), k = r.kappa;
  const Sizes c3{k + p, k * p, 1};
  for (const char* activation : {"relu", "silu"})
    trials.push_back({"C3", "mamba_s4d", "mqar", r.with(kRepeats), fmt::format("activation = \"{}\"\ns4d_mode = \"real\"\n", activation), c3, {less_D(c3, p), less_d(c3, false, " (one bit fewer)")}});
  std::vector<std::int64_t> columns = {1, sweeps::bits_for(k), k};
  columns.erase(std::unique(columns.begin(), columns.end()), columns.end());
  for (const std::int64_t N : columns) {
    const std::int64_t slots = (k + N - 1) / N;
    const Sizes c4{k + p, slots * p, N};
    trials.push_back({"C4", "mamba2", "mqar", r.with(kRepeats), "activation = \"relu\"\nheads = 1\n", c4, {slots > 1 ? less_D(c4, p) : less_N(c4), less_d(c4, false, " (one bit fewer)")}});
  }
}

void keep_nth(const VerifyRequest& request, std::vector<Trial>& trials) {
  const std::int64_t T = request.T, n = std::min<std::int64_t>(5, std::max<std::int64_t>(1, T - 1)), p = sweeps::bits_for(request.nu);
  const Text text = fmt::format("vocab = {}\nn = {}\nT = {}\n", request.nu, n, T);
  const Sizes c5{p + 2, p + 2, 1};
  const auto forget_position = [d = static_cast<int>(c5.d)](Weights& w) { w("in_proj.x", d - 1, d - 1) = 0; };
  for (const char* rule : {"euler", "zoh"}) {
    std::vector<Step> below = {{"no position", c5, "", forget_position}};
    if (p > 1) below.insert(below.begin(), less_d(c5, true, " (one bit fewer)"));
    trials.push_back({"C5", "mamba", "keep_nth", text, fmt::format("conv = 0\ngate = false\nactivation = \"identity\"\npositional = \"scalar\"\ndiscretisation = \"{}\"\n", rule), c5, below});
  }
  std::vector<Step> below;
  if (p > 1) below.push_back(less_d(c5, true, " (one bit fewer)"));
  below.push_back({"no position", c5, "", forget_position});
  trials.push_back({"C5", "mamba", "keep_nth", text, "conv = 0\nactivation = \"relu\"\npositional = \"ssm_time\"\n", c5, below});   // Proposition 1: time from a layer of its own
  const std::int64_t modes = T / 2 + 1;
  const Sizes c6{p, p, 2 * modes};
  trials.push_back({"C6", "s4d", "keep_nth", text, "conv = 0\n", c6, {less_N(c6, 2 * (modes - modes / 2))}});
  trials.back().below[0].what += " (half of the modes)";
}

void one_hop(const VerifyRequest& request, std::vector<Trial>& trials) {
  const std::int64_t V = request.kappa;
  const Sizes c7{2 * V, 2 * V, V};
  for (const char* rule : {"none", "euler", "zoh"})
    trials.push_back({"C7", "mamba_delta_t", "induction_heads", fmt::format("vocab = {}\nT = {}\n", V, request.T),
                      fmt::format("gate = false\nactivation = \"identity\"\ndelta_rank = \"full\"\ndiscretisation = \"{}\"\n", rule), c7, {less_N(c7), less_d(c7)}});
  const std::int64_t L = std::min(request.T - 1, kMostPointers), p = sweeps::bits_for(request.nu);
  const Sizes c8{L + p, L + p, L};
  std::vector<Step> below = {less_N(c8)};
  if (p > 1) below.push_back(less_d(c8, true, " (one bit fewer)"));
  trials.push_back({"C8", "mamba", "pointer_value_retrieval", fmt::format("nu = {}\nT = {}\n", request.nu, L + 1), "conv = 0\ngate = false\nactivation = \"identity\"\npositional = \"onehot\"\n", c8, below});
}

}  // namespace

std::vector<VerifyJob> recall_jobs(const VerifyRequest& request) {
  std::vector<Trial> trials;
  mqar_memories(request, trials), mqar_slots(request, trials), keep_nth(request, trials), one_hop(request, trials);
  std::vector<VerifyJob> jobs;
  for (Trial& trial : trials)
    if ((request.task.empty() || request.task == trial.task) && (request.variant.empty() || request.variant == trial.variant))
      jobs.push_back([trial = std::move(trial), request](const Device& device) { return run(trial, request, device); });
  return jobs;
}

}  // namespace phasegrid::worker
