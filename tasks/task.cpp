#include "tasks/task.hpp"

#include <algorithm>

#include <charconv>

namespace phasegrid::tasks {

void Batch::clear(int length) {
  sequences = 0, T = length, channels = outputs = 0;
  tokens.clear(), position.clear(), label.clear(), inputs.clear(), values.clear();
  noise = 0, noise_key.clear();
  first.assign(1, 0);
}

std::vector<std::string> Task::roles(const Batch& batch, int sequence) const {
  std::vector<std::string> roles(T(), "token");
  for (int i = batch.first[sequence]; i < batch.first[sequence + 1]; ++i) roles[batch.position[i]] = "query";
  return roles;
}

void draw_batch(const Task& task, std::uint64_t key, Stream stream, std::uint64_t begin, int count, Batch& batch) {
  batch.clear(task.T());
  batch.channels = task.channels(), batch.outputs = task.outputs();
  for (int i = 0; i < count; ++i) {
    kernels::Random random(key, static_cast<std::uint32_t>(stream), begin + i);
    task.draw(random, batch);
  }
}

namespace {

// The number that a fallback spells, if it spells one rather than an expression of other options.
bool read_literal(const OptionKey& key, double& number) {
  const std::string& text = key.fallback;
  if (key.kind == OptionKey::boolean) return number = text == "true", text == "true" || text == "false";
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

Options complete_options(const TaskEntry& task, Options options) {
  for (const OptionKey& key : task.options) {
    if (options.has(key.name)) continue;
    double number;
    if (key.kind == OptionKey::word || key.kind == OptionKey::file) options.words[key.name] = key.fallback;
    else if (read_literal(key, number)) options.numbers[key.name] = number;
  }
  if (task.complete) task.complete(options);
  return options;
}

void score_every_position(Batch& batch) {
  batch.first.assign(1, 0), batch.position.clear(), batch.label.clear();
  for (std::size_t s = 0; s < static_cast<std::size_t>(batch.sequences); ++s) {
    const std::size_t begin = s * static_cast<std::size_t>(batch.T), last = begin + static_cast<std::size_t>(batch.T) - 1;
    for (int t = 0; t < batch.T; ++t) batch.score(t, batch.tokens[std::min(begin + static_cast<std::size_t>(t) + 1, last)]);
    batch.first.push_back(static_cast<std::int32_t>(batch.position.size()));
  }
}

}  // namespace phasegrid::tasks
