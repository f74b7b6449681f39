#include "worker/training.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "worker/schema.hpp"

namespace phasegrid::worker {

using kernels::hash_text;
using tasks::Stream;

double TrainSettings::rate_at(std::int64_t step) const {
  if (step <= warmup) return learning_rate * static_cast<double>(step) / static_cast<double>(warmup);
  if (!cosine) return learning_rate;
  const double done = static_cast<double>(step - 1 - warmup) / static_cast<double>(std::max<std::int64_t>(1, steps - warmup));
  return learning_rate * 0.5 * (1 + std::cos(3.14159265358979323846 * done));
}

TrainSettings train_settings(const sweeps::Settings& s) {
  TrainSettings t;
  t.steps = s.integer("steps"), t.warmup = s.integer("warmup"), t.examples = s.integer("examples"), t.patience = s.integer("patience");
  t.every = s.integer("every"), t.eval_examples = s.integer("eval_examples");
  t.batch = static_cast<int>(s.integer("batch"));
  const std::string& optimizer = s.word("optimizer");
  t.method = optimizer == "adamw" ? kernels::Method::adamw : optimizer == "adam" ? kernels::Method::adam : kernels::Method::sgd;
  t.learning_rate = s.real("learning_rate"), t.weight_decay = s.real("weight_decay"), t.clip = s.real("clip");
  t.stop_at_accuracy = s.real("stop_at_accuracy");
  t.cosine = s.word("schedule") == "cosine";
  return t;
}

std::uint64_t data_key(const sweeps::CellSpec& cell) {
  return hash_text(cell.settings.canonical(sweeps::Section::task), static_cast<std::uint64_t>(cell.seed));
}
std::uint64_t weights_key(const sweeps::CellSpec& cell) {
  return hash_text(cell.settings.canonical(sweeps::Section::model), static_cast<std::uint64_t>(cell.seed));
}

std::string length_fits(const sweeps::Settings& settings, int T) {
  const TaskFacts facts = task_facts(settings);
  if (T == facts.T) return "";
  const tasks::TaskEntry& entry = *tasks::find_task(settings.word("task"));
  for (const tasks::OptionKey& option : entry.options)
    if (option.name == "T" && (T < option.least || T > option.most))
      return fmt::format("T: the task {} takes {} to {}, but T = {}", entry.name, option.least, option.most, T);
  tasks::Options options = task_options(settings);
  options.numbers["T"] = T;
  if (std::string reason = entry.fits ? entry.fits(options) : ""; !reason.empty()) return reason;
  if (const int vocab = entry.make(options)->vocab(); vocab > facts.vocab)
    return fmt::format("T: the task {} has more symbols then than the model, expected at most {}, but vocab = {}", entry.name, facts.vocab, vocab);
  return "";
}

std::unique_ptr<tasks::Task> make_task(const sweeps::Settings& settings, int T) {
  const tasks::TaskEntry& entry = *tasks::find_task(settings.word("task"));
  tasks::Options options = task_options(settings);
  if (T > 0) options.numbers["T"] = T;
  if (entry.fits && !entry.fits(options).empty()) return nullptr;
  return entry.make(options);
}

TrainingData::TrainingData(const sweeps::CellSpec& cell, const TrainSettings& settings, Share share)
    : task_(make_task(cell.settings)), key_(data_key(cell)), examples_(settings.examples), batch_(settings.batch), share_(share) {}

std::int64_t TrainingData::sequences(std::int64_t step) const {
  if (examples_ == 0) return batch_;
  const std::int64_t steps_per_epoch = (examples_ + batch_ - 1) / batch_, begin = (step - 1) % steps_per_epoch * batch_;
  return std::min(begin + batch_, examples_) - begin;
}

void TrainingData::draw(std::int64_t step, tasks::Batch& batch) {
  const std::int64_t begin = share_.begin(sequences(step)), end = share_.end(sequences(step));
  if (examples_ == 0) {
    tasks::draw_batch(*task_, key_, Stream::train, static_cast<std::uint64_t>((step - 1) * batch_ + begin), static_cast<int>(end - begin), batch);
    return;
  }
  const std::int64_t steps_per_epoch = (examples_ + batch_ - 1) / batch_, epoch = (step - 1) / steps_per_epoch;
  if (epoch != epoch_) shuffle(epoch);
  tasks::draw_batch(*task_, key_, Stream::train, 0, 0, batch);
  const std::int64_t first = (step - 1) % steps_per_epoch * batch_;
  for (std::int64_t i = first + begin; i < first + end; ++i) {
    kernels::Random random(key_, static_cast<std::uint32_t>(Stream::train), order_[static_cast<std::size_t>(i)]);
    task_->draw(random, batch);
  }
}

void TrainingData::shuffle(std::int64_t epoch) {  // Fisher-Yates
  epoch_ = epoch;
  order_.resize(static_cast<std::size_t>(examples_));
  std::iota(order_.begin(), order_.end(), 0u);
  kernels::Random random(key_, static_cast<std::uint32_t>(Stream::shuffle), static_cast<std::uint64_t>(epoch));
  for (std::size_t i = order_.size(); i > 1; --i) std::swap(order_[i - 1], order_[random.below(static_cast<std::uint32_t>(i))]);
}

}  // namespace phasegrid::worker
