#include "worker/pack.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>

#include "worker/models/constructions/constructions.hpp"
#include "worker/schema.hpp"

namespace phasegrid::worker {

using sweeps::CellResult;
using sweeps::CellSpec;
using sweeps::Status;
using tasks::Stream;

namespace {
constexpr int kEvaluationBatch = 64;
constexpr std::int64_t kLookEvery = 64;   // steps, on a device that must be waited for
bool constructed(const CellSpec& cell) { return cell.settings.word("init") == "construction"; }
}

Pack::Pack(std::span<const CellSpec> cells, const Device& device, Gang gang) : specs_(cells), device_(device), gang_(gang), queue_(kernels::work_queue(device.kind)) {
  const kernels::UseQueue use(queue_.get());
  int longest = 0;
  for (const CellSpec& spec : cells) {
    Cell& cell = cells_.emplace_back();
    cell.settings = train_settings(spec.settings);
    cell.data.emplace(spec, cell.settings, gang_.share());
    for (const int T : spec.eval_T) longest = std::max(longest, T);
  }
  const tasks::Task& task = cells_.front().data->task();
  model_ = model_settings(cells.front().settings, task);
  parameters_ = describe_parameters(model_, longest);
  segments_ = parameters_.segments();
  stride_ = parameters_.size();
  const int M = static_cast<int>(cells.size());
  gang_.reserve(stride_, sizeof(float), cells_.front().settings.eval_examples / kEvaluationBatch + 1);
  memory_ = kernels::memory(device.kind, M);
  for (float** buffer : {&weights_, &grads_, &first_, &second_, &best_}) *buffer = memory_->allocate_array<float>(static_cast<std::size_t>(M * stride_));
  records_ = memory_->allocate_array<kernels::LossRecord>(static_cast<std::size_t>(M));
  tallies_ = memory_->allocate_array<kernels::Tally>(static_cast<std::size_t>(M));
  gang_loss_ = memory_->allocate_array<double>(1);
  seen_.resize(static_cast<std::size_t>(M));
  for (int m = 0; m < M; ++m) {
    start(m);
    CellResult& result = results_.emplace_back();
    result.index = cells[m].index;
    result.parameters = parameters_.trainable();
  }
  std::vector<const tasks::Task*> tasks;
  for (const Cell& cell : cells_) tasks.push_back(&cell.data->task()), draw_together_ = draw_together_ && tasks.back()->draws_alone();
  all_models_.resize(cells.size());
  std::iota(all_models_.begin(), all_models_.end(), 0);
  if (steps_planned() > 0) network_ = make_network(tasks, static_cast<int>(gang_.share().most(cells_.front().settings.batch)), grads_);
  evaluator_ = make_network(tasks, kEvaluationBatch, nullptr);
}

Pack::~Pack() {
  const kernels::UseQueue use(queue_.get());
  training_.reset(), evaluation_.reset(), network_.reset(), evaluator_.reset(), memory_.reset();
}

void Pack::begin() {
  const kernels::UseQueue use(queue_.get());
  std::vector<int> built;
  for (std::size_t m = 0; m < specs_.size(); ++m)
    if (constructed(specs_[m])) built.push_back(static_cast<int>(m));
  if (!built.empty()) validate(built);
}

void Pack::start(int m) {
  std::vector<float> start(static_cast<std::size_t>(stride_));
  if (constructed(specs_[m])) {
    std::vector<double> flat(start.size());
    construct(specs_[m], parameters_, flat.data());
    std::copy(flat.begin(), flat.end(), start.begin());
  } else {
    parameters_.initialise(start.data(), weights_key(specs_[m]));
  }
  memory_->set(weights_ + m * stride_, start.data(), start.size() * sizeof(float));
}

const float* Pack::weights(int m) {
  const kernels::UseQueue use(queue_.get());
  weights_here_.resize(static_cast<std::size_t>(stride_));
  memory_->get(weights_here_.data(), weights_ + m * stride_, weights_here_.size() * sizeof(float));
  return weights_here_.data();
}

int Pack::training() const {
  return static_cast<int>(std::count_if(cells_.begin(), cells_.end(), [](const Cell& cell) { return cell.training; }));
}

std::int64_t Pack::steps_planned() const {
  std::int64_t steps = 0;
  for (const Cell& cell : cells_) steps = std::max(steps, cell.settings.steps);
  return steps;
}

std::int64_t Pack::steps_left() const {
  std::int64_t steps = 0;
  for (const Cell& cell : cells_)
    if (cell.training) steps = std::max(steps, cell.settings.steps - step_);
  return steps;
}

void Pack::step() {
  const kernels::UseQueue use(queue_.get());
  ++step_;
  train_step();
  const auto is_due = [&](const Cell& cell) { return cell.training && (step_ % cell.settings.every == 0 || step_ == cell.settings.steps); };
  const bool must_wait = memory_->mirror();
  if (!must_wait || step_ % kLookEvery == 0 || std::any_of(cells_.begin(), cells_.end(), is_due)) look();
  std::vector<int> due;
  for (std::size_t m = 0; m < cells_.size(); ++m)
    if (is_due(cells_[m])) due.push_back(static_cast<int>(m));
  if (!due.empty()) validate(due);
}

void Pack::train_step() {
  const int M = static_cast<int>(cells_.size());
  DeviceBatches* batches = network_->batches();
  for (int m = 0; m < M; ++m) {
    Cell& cell = cells_[m];
    if (cell.training) cell.drawn.push_back(cell.data->sequences(step_));
  }
  if (!batches) {
    network_->set_all(all_models_, [&](int m, tasks::Batch& batch) {
      if (cells_[m].training) cells_[m].data->draw(step_, batch);
      else batch.clear(model_.T);
    }, draw_together_);
    network_->upload();
  } else if (changed_) {
    choose_batches(*batches);
  }
  if (changed_ || step_ > prepared_) prepare_updates();
  changed_ = false;
  memory_->repeat(training_, [&] {
    if (batches) batches->make();
    network_->compute();
    memory_->zero(grads_, static_cast<std::size_t>(M * stride_) * sizeof(float));
    network_->backward();
    if (gang_.alone()) memory_->update();
  });
  if (!gang_.alone()) meet();
}

// A member of a gang, which has one model, puts its share of the loss and of the gradient to the others' before it takes the step.
void Pack::meet() {
  double loss = 0;
  memory_->get(&loss, network_->losses_there(), sizeof loss);
  loss = gang_.mean_loss(loss, network_->scored(0));
  memory_->set(gang_loss_, &loss, sizeof loss);
  gang_.sum(kernels::operations<float>(device_.kind), grads_, stride_);
  memory_->update();
}

void Pack::look() {
  memory_->get(seen_.data(), records_, seen_.size() * sizeof seen_[0]);
  for (std::size_t m = 0; m < cells_.size(); ++m) {
    Cell& cell = cells_[m];
    if (!cell.training) continue;
    CellResult& result = results_[m];
    const std::int64_t diverged = seen_[m].diverged_at, looked = step_ - static_cast<std::int64_t>(cell.drawn.size());
    const auto took_part = cell.drawn.begin() + (diverged > 0 ? diverged - looked : step_ - looked);
    result.examples = std::accumulate(cell.drawn.begin(), took_part, result.examples);
    cell.drawn.clear();
    result.steps = diverged > 0 ? diverged - 1 : step_;
    last_loss_ = seen_[m].last;
    if (diverged > 0) rest(static_cast<int>(m), Status::diverged, "the training loss is not a number at step " + std::to_string(diverged));
  }
}

void Pack::validate(const std::vector<int>& due) {
  const std::vector<Score> scores = evaluate(due, Stream::validation, 0);
  for (std::size_t i = 0; i < due.size(); ++i) judge(due[i], scores[i]);
  memory_->set(records_, seen_.data(), seen_.size() * sizeof seen_[0]);
}

// Keeps the weights of the best evaluation (accuracy first, then loss) and applies the stop rules. Constructed weights are
// judged at step 0, too; training goes on from there however good they are.
void Pack::judge(int m, const Score& score) {
  Cell& cell = cells_[m];
  CellResult& result = results_[m];
  kernels::LossRecord& record = seen_[static_cast<std::size_t>(m)];
  result.curve.push_back({step_, score.accuracy, score.loss, record.steps > 0 ? record.sum / static_cast<double>(record.steps) : sweeps::kNaN});
  record.sum = 0, record.steps = 0;
  if (!std::isfinite(score.loss)) return rest(m, Status::diverged, "the validation loss is not a number at step " + std::to_string(step_));
  const bool first = result.curve.size() == 1;
  if (first || score.accuracy > result.accuracy_validation || (score.accuracy == result.accuracy_validation && score.loss < cell.best_loss)) {
    result.accuracy_validation = score.accuracy, cell.best_loss = score.loss, result.best_step = step_;
    cell.evaluations_since_best = 0;
    memory_->copy(best_ + m * stride_, weights_ + m * stride_, static_cast<std::size_t>(stride_) * sizeof(float));
  } else {
    ++cell.evaluations_since_best;
  }
  const TrainSettings& s = cell.settings;
  const bool reached = s.stop_at_accuracy > 0 && score.accuracy >= s.stop_at_accuracy;
  const bool patient = s.patience == 0 || cell.evaluations_since_best < s.patience;
  if (step_ >= s.steps || (step_ > 0 && (reached || !patient))) rest(m, Status::done);
}

void Pack::rest(int m, Status status, std::string reason) {
  changed_ = true;
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
    std::vector<const tasks::Task*> all_tasks(cells_.size());
    for (const int m : models) tasks[m] = make_task(specs_[m].settings, T), all_tasks[static_cast<std::size_t>(m)] = tasks[m].get();
    longer = make_network(all_tasks, kEvaluationBatch, nullptr);   // the scalar position stays in units of the training length: only the layout grows
  }
  Network<float>& network = longer ? *longer : *evaluator_;
  std::unique_ptr<kernels::Recorded> passing;
  std::unique_ptr<kernels::Recorded>& recorded = longer ? passing : evaluation_;
  memory_->zero(tallies_, cells_.size() * sizeof *tallies_);
  std::vector<std::int64_t> scored(cells_.size());
  std::vector<Scorer> scorers(cells_.size());
  const auto task_of = [&](int m) -> const tasks::Task& { return other_length ? *tasks[m] : cells_[m].data->task(); };
  const auto wanted = [&](int m) { return std::min(cells_[m].settings.eval_examples, task_of(m).available(stream)); };
  std::int64_t most = 0;
  for (const int m : models) most = std::max(most, wanted(m));
  DeviceBatches* batches = network.batches();
  if (batches) {
    std::vector<DeviceBatches::Range> ranges(cells_.size());
    for (const int m : models) ranges[static_cast<std::size_t>(m)] = {cells_[m].data->key(), stream, 0, wanted(m)};
    batches->set(ranges);
  }
  if (!batches) network.set_all(all_models_, [&](int, tasks::Batch& batch) { batch.clear(model_.T); }, true);
  std::vector<BatchSums> sums;   // of a gang's one model, by batch
  for (std::int64_t begin = 0; begin < most; begin += kEvaluationBatch) {
    const bool mine = gang_.mine(begin / kEvaluationBatch);
    if (!batches) {
      network.set_all(models, [&](int m, tasks::Batch& batch) {
        const std::int64_t count = std::clamp<std::int64_t>(wanted(m) - begin, 0, kEvaluationBatch);
        tasks::draw_batch(task_of(m), cells_[m].data->key(), stream, static_cast<std::uint64_t>(begin), static_cast<int>(count), batch);
        scorers[m].saw(batch);
      }, draw_together_);
      for (const int m : models) scored[m] += network.scored(m);
    }
    if (gang_.alone()) {
      if (!batches) network.upload();
      memory_->repeat(recorded, [&] { if (batches) batches->make(); network.compute(), memory_->tally(network.losses_there(), network.right_there(), tallies_); });
      continue;
    }
    if (mine) network.forward();
    sums.push_back(mine ? BatchSums{network.loss(0), network.right(0), network.scored(0)} : BatchSums{});
  }
  gang_.collect(sums);
  for (const BatchSums& batch : sums) scorers[0].add(batch.loss, batch.right, batch.scored);
  std::vector<kernels::Tally> tallies(cells_.size());
  memory_->get(tallies.data(), tallies_, tallies.size() * sizeof tallies[0]);
  if (batches) scored = batches->scored();
  for (const int m : models)
    if (gang_.alone()) scorers[m].add(tallies[m].loss, tallies[m].right, scored[m]);
  std::vector<Score> scores;
  for (const int m : all)
    scores.push_back(std::find(models.begin(), models.end(), m) != models.end() ? scorers[m].score() : Score{sweeps::kNaN, sweeps::kNaN});
  return scores;
}

void Pack::finish() {
  const kernels::UseQueue use(queue_.get());
  training_.reset(), network_.reset();   // tests need no gradients, but at other lengths a network of their own
  std::vector<int> done;
  for (std::size_t m = 0; m < cells_.size(); ++m)
    if (results_[m].status == Status::done) done.push_back(static_cast<int>(m));
  if (done.empty()) return;
  const std::vector<Score> last = evaluate(done, Stream::test, 0);
  for (const int m : done) memory_->copy(weights_ + m * stride_, best_ + m * stride_, static_cast<std::size_t>(stride_) * sizeof(float));
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
