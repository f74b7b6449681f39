#include "worker/pack.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>

#include "worker/models/constructions/constructions.hpp"
#include "worker/schema.hpp"

namespace phasegrid::worker {

using sweeps::CellResult;
using sweeps::CellSpec;
using sweeps::Status;
using tasks::Stream;

namespace {
constexpr int kEvaluationBatch = 64;
bool constructed(const CellSpec& cell) { return cell.settings.word("init") == "construction"; }
}

Pack::Pack(std::span<const CellSpec> cells, const Device& device, Gang gang) : specs_(cells), device_(device), gang_(gang) {
  int longest = 0, most_scored = 0;
  for (const CellSpec& spec : cells) {
    Cell& cell = cells_.emplace_back();
    cell.settings = train_settings(spec.settings);
    cell.data.emplace(spec, cell.settings, gang_.share());
    most_scored = std::max(most_scored, cell.data->task().most_scored());
    for (const int T : spec.eval_T) longest = std::max(longest, T);
  }
  const tasks::Task& task = cells_.front().data->task();
  model_ = model_settings(cells.front().settings, task);
  parameters_ = describe_parameters(model_, longest);
  segments_ = parameters_.segments();
  stride_ = parameters_.size();
  const int M = static_cast<int>(cells.size());
  gang_.reserve(stride_, sizeof(float), cells_.front().settings.eval_examples / kEvaluationBatch + 1);
  for (float** buffer : {&weights_, &grads_, &first_, &second_, &best_}) *buffer = arena_.allocate_array<float>(static_cast<std::size_t>(M * stride_));
  for (int m = 0; m < M; ++m) {
    start(m);
    CellResult& result = results_.emplace_back();
    result.index = cells[m].index;
    result.parameters = parameters_.trainable();
  }
  if (steps_planned() > 0)
    network_ = std::make_unique<Network<float>>(model_, shape(task, gang_.share().most(cells_.front().settings.batch), most_scored), M, device.kind, weights_, grads_);
  evaluator_ = std::make_unique<Network<float>>(model_, shape(task, kEvaluationBatch, most_scored), M, device.kind, weights_, nullptr);
}

void Pack::begin() {
  std::vector<int> built;
  for (std::size_t m = 0; m < specs_.size(); ++m)
    if (constructed(specs_[m])) built.push_back(static_cast<int>(m));
  if (!built.empty()) validate(built);
}

void Pack::start(int m) {
  if (!constructed(specs_[m])) return parameters_.initialise(weights(m), weights_key(specs_[m]));
  std::vector<double> flat(static_cast<std::size_t>(stride_));
  construct(specs_[m], parameters_, flat.data());
  std::copy(flat.begin(), flat.end(), weights(m));
}

LayoutShape Pack::shape(const tasks::Task& task, int sequences, int most_scored) const {
  int longest = task.T();
  for (const CellSpec& spec : specs_)
    for (const int T : spec.eval_T) longest = std::max(longest, T);
  return layout_shape(model_, sequences, task.T(), most_scored, longest);
}

bool Pack::running() const {
  return std::any_of(cells_.begin(), cells_.end(), [](const Cell& cell) { return cell.training; });
}

std::int64_t Pack::steps_planned() const {
  std::int64_t steps = 0;
  for (const Cell& cell : cells_) steps = std::max(steps, cell.settings.steps);
  return steps;
}

void Pack::step() {
  ++step_;
  train_step();
  std::vector<int> due;
  for (std::size_t m = 0; m < cells_.size(); ++m) {
    const Cell& cell = cells_[m];
    if (cell.training && (step_ % cell.settings.every == 0 || step_ == cell.settings.steps)) due.push_back(static_cast<int>(m));
  }
  if (!due.empty()) validate(due);
}

void Pack::train_step() {
  const int M = static_cast<int>(cells_.size());
  for (int m = 0; m < M; ++m) {
    if (cells_[m].training) cells_[m].data->draw(step_, batch_);
    else batch_.clear(model_.T);
    network_->set(m, batch_);
    if (cells_[m].training) results_[m].examples += cells_[m].data->sequences(step_);
  }
  network_->forward();
  for (int m = 0; m < M; ++m) {
    if (!cells_[m].training) continue;
    last_loss_ = gang_.mean_loss(network_->loss(m), network_->scored(m));
    cells_[m].train_loss += last_loss_, ++cells_[m].train_steps;
    if (!std::isfinite(last_loss_)) rest(m, Status::diverged, "the training loss is not a number at step " + std::to_string(step_));
  }
  std::memset(grads_, 0, static_cast<std::size_t>(M * stride_) * sizeof(float));
  network_->backward();
  gang_.sum(kernels::operations<float>(device_.kind), grads_, stride_);
  for (int m = 0; m < M; ++m) {
    Cell& cell = cells_[m];
    if (!cell.training) continue;
    const TrainSettings& s = cell.settings;
    kernels::operations<float>(device_.kind).update({.method = s.method, .segments = segments_.data(), .count = static_cast<int>(segments_.size()),
                                                     .w = weights(m), .g = grads_ + m * stride_, .m = first_ + m * stride_, .v = second_ + m * stride_,
                                                     .size = stride_, .step = step_, .learning_rate = s.rate_at(step_), .weight_decay = s.weight_decay,
                                                     .clip = s.clip});
    results_[m].steps = step_;
  }
}

void Pack::validate(const std::vector<int>& due) {
  const std::vector<Score> scores = evaluate(due, Stream::validation, 0);
  for (std::size_t i = 0; i < due.size(); ++i) judge(due[i], scores[i]);
}

// Keeps the weights of the best evaluation (accuracy first, then loss) and applies the stop rules. Constructed weights are
// judged at step 0, too; training goes on from there however good they are.
void Pack::judge(int m, const Score& score) {
  Cell& cell = cells_[m];
  CellResult& result = results_[m];
  result.curve.push_back({step_, score.accuracy, score.loss, cell.train_steps > 0 ? cell.train_loss / static_cast<double>(cell.train_steps) : sweeps::kNaN});
  cell.train_loss = 0, cell.train_steps = 0;
  if (!std::isfinite(score.loss)) return rest(m, Status::diverged, "the validation loss is not a number at step " + std::to_string(step_));
  const bool first = result.curve.size() == 1;
  if (first || score.accuracy > result.accuracy_validation || (score.accuracy == result.accuracy_validation && score.loss < cell.best_loss)) {
    result.accuracy_validation = score.accuracy, cell.best_loss = score.loss, result.best_step = step_;
    cell.evaluations_since_best = 0;
    std::memcpy(best_ + m * stride_, weights(m), static_cast<std::size_t>(stride_) * sizeof(float));
  } else {
    ++cell.evaluations_since_best;
  }
  const TrainSettings& s = cell.settings;
  const bool reached = s.stop_at_accuracy > 0 && score.accuracy >= s.stop_at_accuracy;
  const bool patient = s.patience == 0 || cell.evaluations_since_best < s.patience;
  if (step_ >= s.steps || (step_ > 0 && (reached || !patient))) rest(m, Status::done);
}

void Pack::rest(int m, Status status, std::string reason) {
  cells_[m].training = false;
  results_[m].status = status, results_[m].reason = std::move(reason);
}

std::vector<Score> Pack::evaluate(const std::vector<int>& all, Stream stream, int T) {
  const bool other_length = T > 0 && T != model_.T;
  std::vector<std::unique_ptr<tasks::Task>> tasks(cells_.size());
  std::unique_ptr<Network<float>> longer;
  std::vector<int> models;
  std::copy_if(all.begin(), all.end(), std::back_inserter(models), [&](int m) { return !other_length || length_fits(specs_[m].settings, T).empty(); });
  if (models.empty()) return std::vector<Score>(all.size(), {sweeps::kNaN, sweeps::kNaN});
  if (other_length) {
    int most_scored = 0;
    for (const int m : models) tasks[m] = make_task(specs_[m].settings, T), most_scored = std::max(most_scored, tasks[m]->most_scored());
    ModelSettings model = model_;   // the scalar position stays in units of the training length: only the layout grows
    longer = std::make_unique<Network<float>>(model, shape(*tasks[models.front()], kEvaluationBatch, most_scored), static_cast<int>(cells_.size()), device_.kind, weights_, nullptr);
  }
  Network<float>& network = longer ? *longer : *evaluator_;
  std::vector<Scorer> scorers(cells_.size());
  const auto task_of = [&](int m) -> const tasks::Task& { return other_length ? *tasks[m] : cells_[m].data->task(); };
  const auto wanted = [&](int m) { return std::min(cells_[m].settings.eval_examples, task_of(m).available(stream)); };
  batch_.clear(model_.T);
  for (std::size_t m = 0; m < cells_.size(); ++m) network.set(static_cast<int>(m), batch_);
  std::int64_t most = 0;
  for (const int m : models) most = std::max(most, wanted(m));
  std::vector<BatchSums> sums;   // by batch and model
  for (std::int64_t begin = 0; begin < most; begin += kEvaluationBatch) {
    const bool mine = gang_.mine(begin / kEvaluationBatch);
    for (const int m : models) {
      const std::int64_t count = std::clamp<std::int64_t>(wanted(m) - begin, 0, kEvaluationBatch);
      tasks::draw_batch(task_of(m), cells_[m].data->key(), stream, static_cast<std::uint64_t>(begin), static_cast<int>(count), batch_);
      network.set(m, batch_);
      scorers[m].saw(batch_);
    }
    if (mine) network.forward();
    for (const int m : models) sums.push_back(mine ? BatchSums{network.loss(m), network.right(m), network.scored(m)} : BatchSums{});
  }
  gang_.collect(sums);
  for (std::size_t i = 0; i < sums.size(); ++i) scorers[models[i % models.size()]].add(sums[i].loss, sums[i].right, sums[i].scored);
  std::vector<Score> scores;
  for (const int m : all)
    scores.push_back(std::find(models.begin(), models.end(), m) != models.end() ? scorers[m].score() : Score{sweeps::kNaN, sweeps::kNaN});
  return scores;
}

void Pack::finish() {
  std::vector<int> done;
  for (std::size_t m = 0; m < cells_.size(); ++m)
    if (results_[m].status == Status::done) done.push_back(static_cast<int>(m));
  if (done.empty()) return;
  const std::vector<Score> last = evaluate(done, Stream::test, 0);
  for (const int m : done) std::memcpy(weights(m), best_ + m * stride_, static_cast<std::size_t>(stride_) * sizeof(float));
  const std::vector<Score> best = evaluate(done, Stream::test, 0);
  for (std::size_t i = 0; i < done.size(); ++i) {
    CellResult& result = results_[done[i]];
    result.accuracy_final = last[i].accuracy;
    result.accuracy = best[i].accuracy, result.loss = best[i].loss;
  }
  for (const int T : specs_.front().eval_T) {
    const std::vector<Score> scores = evaluate(done, Stream::test, T);
    for (std::size_t i = 0; i < done.size(); ++i)
      results_[done[i]].accuracy_T.push_back(scores[i].accuracy), results_[done[i]].loss_T.push_back(scores[i].loss);
  }
}

}  // namespace phasegrid::worker
