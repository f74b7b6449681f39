// What the tests of tasks share: settings written short, dense targets, and batches of one setting.
#pragma once
#include <initializer_list>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "tasks/task.hpp"

namespace phasegrid::tasks {

using Setting = std::pair<std::string, std::variant<double, std::string>>;

inline Options options_of(const std::string& task, const std::vector<Setting>& settings) {
  Options options;
  for (const auto& [name, value] : settings) {
    if (const double* number = std::get_if<double>(&value)) options.numbers[name] = *number;
    else options.words[name] = std::get<std::string>(value);
    options.given[name] = true;
  }
  return complete_options(*find_task(task), std::move(options));
}

inline std::string misfit_of(const std::string& task, const std::vector<Setting>& settings) {
  return find_task(task)->fits(options_of(task, settings));
}

inline std::unique_ptr<Task> make_task(const std::string& task, const std::vector<Setting>& settings) {
  return find_task(task)->make(options_of(task, settings));
}

// The tasks that need no file: those that a test can draw from without more.
inline std::vector<std::string> drawn_tasks() {
  std::vector<std::string> names;
  for (const TaskEntry& entry : all_tasks()) {
    bool reads_files = false;
    for (const OptionKey& key : entry.options) reads_files |= key.kind == OptionKey::file;
    if (!reads_files) names.push_back(entry.name);
  }
  return names;
}

inline Batch draw(const Task& task, int count, std::uint64_t key = 1, Stream stream = Stream::train,
                  std::uint64_t begin = 0) {
  Batch batch;
  draw_batch(task, key, stream, begin, count, batch);
  return batch;
}

inline std::span<const std::int32_t> tokens_of(const Batch& batch, int sequence) {
  return {batch.tokens.data() + static_cast<std::size_t>(sequence) * batch.T, static_cast<std::size_t>(batch.T)};
}

inline std::span<const float> inputs_of(const Batch& batch, int sequence) {
  const std::size_t size = static_cast<std::size_t>(batch.T) * batch.channels;
  return {batch.inputs.data() + sequence * size, size};
}

// What a model sees of a sequence: tokens or numbers.
inline std::vector<float> seen_of(const Batch& batch, int sequence) {
  if (batch.channels > 0) return {inputs_of(batch, sequence).begin(), inputs_of(batch, sequence).end()};
  return {tokens_of(batch, sequence).begin(), tokens_of(batch, sequence).end()};
}

// What is asked for at the last position of a sequence of a real-valued task that asks nowhere else.
inline std::span<const float> answer_of(const Batch& batch, int sequence) {
  return {batch.values.data() + static_cast<std::size_t>(sequence) * batch.outputs, static_cast<std::size_t>(batch.outputs)};
}

inline std::vector<std::int32_t> targets_of(const Batch& batch, int sequence) {
  std::vector<std::int32_t> targets(batch.T, kUnscored);
  for (int i = batch.first[sequence]; i < batch.first[sequence + 1]; ++i) targets[batch.position[i]] = batch.label[i];
  return targets;
}

}  // namespace phasegrid::tasks
